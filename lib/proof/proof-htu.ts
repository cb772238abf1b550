import { DpopError } from '../errors/dpop.error.js';
import { normalizeHttpUri } from '../http/http-uri.js';

/** Has no character that normalization might change, and no userinfo, query or fragment. */
const ALREADY_NORMAL = /^[\w\-.~:/!$&'()*+,;=]+$/;

const NOT_HTTP =
  'htu must be an absolute URL with the scheme http or https, also for a socket: clients sign https in place of wss, and http in place of ws';

/**
 * Check 9 of §4.3: `htu` equals the URI of the request without query and fragment, both in normal form.
 *
 * @param baseUrls the accepted base URLs in normal form; one of them with the path must match
 * @param path the path of the request, as received
 * @returns the base URL that the client signed
 */
export function assertHtu(
  htu: string,
  baseUrls: readonly string[],
  path: string,
  queryInHtu: 'ignore' | 'reject',
): string {
  // Equal strings are equal in normal form too: nearly every request needs no normalization.
  const identical = baseUrls.find((baseUrl) => htu === baseUrl + path);
  if (identical !== undefined && ALREADY_NORMAL.test(htu)) return identical;
  const signed = normalizeHttpUri(htu);
  if (signed === undefined)
    throw new DpopError('proof_htu', { detail: 'htu', expected: baseUrls, advice: NOT_HTTP });
  if (signed.hasQuery && queryInHtu === 'reject') throw new DpopError('proof_htu_query', { detail: 'htu' });
  const equal = baseUrls.find((baseUrl) => normalizeHttpUri(baseUrl + path)?.uri === signed.uri);
  if (equal !== undefined) return equal;
  const hasBaseUrl = baseUrls.some((baseUrl) => `${signed.uri}/`.startsWith(`${baseUrl}/`));
  throw new DpopError('proof_htu', { detail: hasBaseUrl ? 'path' : 'origin', expected: baseUrls });
}
