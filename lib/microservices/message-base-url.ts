import { fail } from '../errors/option-asserts.js';
import { isSecureBaseUrl, normalizeBaseUrl } from '../http/base-url.js';

/** What is known of the HTTP routes of the same app. */
export interface HttpSide {
  /** The base URLs of the option `origin`; `undefined` if they depend on the request. */
  readonly origins: readonly string[] | undefined;
  readonly allowInsecureHttp: boolean;
  readonly hasHttpServer: boolean;
}

/**
 * The base URL of messages in normal form. No proof for a message may be one for an HTTP route, nor the other way round:
 * neither base URL may begin with the other.
 *
 * @param guard the name of its class, for the operator
 * @throws TypeError that names the guard and the accepted form
 */
export function parseMessageBaseUrl(value: unknown, guard: string, http: HttpSide): string {
  const name = `${guard}.baseUrl`;
  const baseUrl = typeof value === 'string' ? normalizeBaseUrl(value) : undefined;
  if (baseUrl === undefined || !(http.allowInsecureHttp || isSecureBaseUrl(baseUrl))) {
    fail(name, 'an https URL such as "https://messages.example.com", without query or fragment', { value });
  }
  if (!http.hasHttpServer) return baseUrl;
  if (http.origins === undefined) {
    fail(name, 'told apart from the URLs of HTTP routes: set the option origin to a URL or an array of URLs');
  }
  const equal = http.origins.find((origin) => isWithin(origin, baseUrl) || isWithin(baseUrl, origin));
  if (equal !== undefined) {
    fail(
      name,
      `a URL that no HTTP route of the app has, and that begins with no value of the option origin (${equal}), nor the other way round. Use a host of its own`,
      { value },
    );
  }
  return baseUrl;
}

function isWithin(inner: string, outer: string): boolean {
  return `${inner}/`.startsWith(`${outer}/`);
}
