import { normalizeHttpUri } from './http-uri.js';

const LOOPBACK = /^http:\/\/(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/]|$)/;

/**
 * The normal form of an origin, with an external path prefix if there is one and without a slash at the end: what
 * stands before the path of a request in `htu`. `undefined` for what is no absolute http(s) URL, or has userinfo,
 * query or fragment.
 */
export function normalizeBaseUrl(value: string): string | undefined {
  // `URL` is welcome here: it brings internationalised names of the configuration into the form that clients sign.
  if (!URL.canParse(value)) return undefined;
  const normal = normalizeHttpUri(new URL(value).href);
  if (normal === undefined || normal.hasQuery) return undefined;
  return normal.uri.replace(/\/+$/, '');
}

/** With two slashes, and none of the characters that only the repairs of `URL` make part of a URL. */
const WRITTEN_OUT = /^https?:\/\/[^/?#\s\\\p{Cc}][^\s\\\p{Cc}]*$/iu;
const USERINFO = /^[a-z][a-z\d+.-]*:[/\\]*[^/\\?#]*@/i;

/**
 * An absolute URL that may be trusted: https, http on loopback, and http anywhere where that was chosen. Userinfo is
 * refused: `fetch` takes no such URL, and it may be a secret.
 */
export function isTrustedUrl(value: string, allowInsecureHttp: boolean): boolean {
  if (!WRITTEN_OUT.test(value) || hasUserinfo(value) || !URL.canParse(value)) return false;
  return allowInsecureHttp || isSecureBaseUrl(new URL(value).href);
}

/** Whether a URL names a user before its host, `https://user:password@host`; an empty one counts. */
export function hasUserinfo(value: string): boolean {
  return USERINFO.test(value.trim());
}

/** Only https, and http on loopback (§2). Takes the normal form. */
export function isSecureBaseUrl(baseUrl: string): boolean {
  return baseUrl.startsWith('https://') || LOOPBACK.test(baseUrl);
}
