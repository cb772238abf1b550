/** ASCII without white space and control characters, and without the backslash, which `URL` would repair. */
const URI_CHARACTERS = /^[\x21-\x5b\x5d-\x7e]+$/;
const HTTP_URI = /^(https?):\/\/([^/?#]+)([^?#]*)([?#].*)?$/i;
type HttpUriMatch = readonly [uri: string, scheme: string, authority: string, path: string, query?: string];
const AUTHORITY = /^(\[[\da-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::(\d*))?$/i;
const UNRESERVED = /[\dA-Za-z\-._~]/;
const DEFAULT_PORT: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** An http(s) URI in normal form, without query and fragment. */
export interface NormalHttpUri {
  readonly uri: string;
  /** Whether the original has a query or a fragment. */
  readonly hasQuery: boolean;
}

/**
 * The normal form of an http(s) URI without query and fragment, by RFC 3986 §6.2.2 and §6.2.3: case of scheme and host,
 * percent-encoding, dot segments, default port, empty path. The path keeps its case and its trailing slash. `undefined`
 * for a URI with userinfo, a relative reference, and a text that is a URI only after the repairs of WHATWG `URL`.
 *
 * @see RFC 9449 §4.3 check 9, which compares `htu` in this form
 */
export function normalizeHttpUri(value: string): NormalHttpUri | undefined {
  if (!URI_CHARACTERS.test(value)) return undefined;
  const match = HTTP_URI.exec(value);
  if (match === null) return undefined;
  const [, scheme, authority, path, query] = match as unknown as HttpUriMatch;
  const origin = normalizeOrigin(scheme, authority);
  const normalPath = normalizePath(path);
  if (origin === undefined || normalPath === undefined) return undefined;
  return { uri: origin + normalPath, hasQuery: query !== undefined };
}

/** `example.com`, `example.com:8443`, `[::1]:8080`: a host with an optional port and nothing else (RFC 9110 §7.2). */
export function isPlainAuthority(value: string): boolean {
  return normalizeOrigin('https', value) !== undefined;
}

function normalizeOrigin(scheme: string, authority: string): string | undefined {
  const [, host, port] = AUTHORITY.exec(authority) ?? [];
  if (host === undefined) return undefined;
  const normalHost = normalizeEscapes(host)?.toLowerCase();
  if (normalHost === undefined) return undefined;
  const lowerScheme = scheme.toLowerCase();
  const portNumber = port === undefined || port === '' ? DEFAULT_PORT[lowerScheme] : Number(port);
  if (portNumber === undefined || portNumber > 65_535) return undefined;
  return `${lowerScheme}://${normalHost}${portNumber === DEFAULT_PORT[lowerScheme] ? '' : `:${portNumber}`}`;
}

function normalizePath(path: string): string | undefined {
  const unescaped = normalizeEscapes(path);
  if (unescaped === undefined) return undefined;
  return unescaped.includes('/.') ? removeDotSegments(unescaped) : unescaped || '/';
}

/** RFC 3986 §6.2.2.1 and §6.2.2.2. `undefined` for a percent sign that does not begin an escape. */
export function normalizeEscapes(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (/%(?![\dA-Fa-f]{2})/.test(text)) return undefined;
  return text.replace(/%[\dA-Fa-f]{2}/g, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
}

/** RFC 3986 §5.2.4, for a path that begins with a slash. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
