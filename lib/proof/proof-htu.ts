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
 */
export function assertHtu(
  htu: string,
  baseUrls: readonly string[],
  path: string,
  queryInHtu: 'ignore' | 'reject',
): void {
  // Equal strings are equal in normal form too: nearly every request needs no normalization.
  if (ALREADY_NORMAL.test(htu) && baseUrls.some((baseUrl) => htu === baseUrl + path)) return;
  const signed = normalizeHttpUri(htu);
  if (signed === undefined)
    throw new DpopError('proof_htu', { detail: 'htu', expected: baseUrls, advice: NOT_HTTP });
  if (signed.hasQuery && queryInHtu === 'reject') throw new DpopError('proof_htu_query', { detail: 'htu' });
  const requested = baseUrls.map((baseUrl) => normalizeHttpUri(baseUrl + path)?.uri);
  if (requested.includes(signed.uri)) return;
  const hasBaseUrl = baseUrls.some((baseUrl) => `${signed.uri}/`.startsWith(`${baseUrl}/`));
  throw new DpopError('proof_htu', { detail: hasBaseUrl ? 'path' : 'origin', expected: baseUrls });
}
