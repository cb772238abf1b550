import { normalizeHttpUri } from './http-uri.js';

const LOOPBACK = /^http:\/\/(?:(?:[a-z\d-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?=[:/]|$)/;

/**
 * The normal form of a base URL: the part of `htu` before the path of the request. It is an origin, with the path prefix
 * of a proxy if there is one, and without a slash at the end. `undefined` for a value that is not an absolute http(s)
 * URL, or has userinfo, a query or a fragment.
 */
export function normalizeBaseUrl(value: string): string | undefined {
  // The value is configuration: `URL` converts an internationalised host name into the form that clients sign.
  if (!URL.canParse(value)) return undefined;
  const normal = normalizeHttpUri(new URL(value).href);
  if (normal === undefined || normal.hasQuery) return undefined;
  return normal.uri.replace(/\/+$/, '');
}

/** A URL with two slashes, and without the characters that `URL` would silently repair. */
const PLAIN_URL = /^https?:\/\/[^/?#\s\\\p{Cc}][^\s\\\p{Cc}]*$/iu;
const USERINFO = /^[a-z][a-z\d+.-]*:[/\\]*[^/\\?#]*@/i;

/**
 * Whether a value is an absolute URL that the service may fetch or name: https, http on loopback, or any http with
 * `allowInsecureHttp`. A URL with userinfo is refused, because `fetch` refuses it too and it may contain a password.
 */
export function isTrustedUrl(value: string, allowInsecureHttp: boolean): boolean {
  if (!PLAIN_URL.test(value) || hasUserinfo(value) || !URL.canParse(value)) return false;
  return allowInsecureHttp || isSecureBaseUrl(new URL(value).href);
}

/** Whether a URL has userinfo before its host, `https://user:password@host`, even an empty one. */
export function hasUserinfo(value: string): boolean {
  return USERINFO.test(value.trim());
}

/** Whether a base URL in normal form is https, or http on loopback (§2). */
export function isSecureBaseUrl(baseUrl: string): boolean {
  return baseUrl.startsWith('https://') || LOOPBACK.test(baseUrl);
}
