import { timingSafeEqual } from 'node:crypto';
import { DpopError } from '../errors/dpop.error.js';
import { normalizeHttpUri } from '../http/http-uri.js';
import { type ProofClaims, refusedClaim } from './proof-claims.js';

/**
 * Check 8 of §4.3: `htm` equals the method, case-sensitive (RFC 9110 §9.1). It must equal the method as received and the
 * method by which the request was routed: with a method-override middleware, the client chooses the second one.
 */
export function assertHtm(htm: string, method: string, routedMethod = method): void {
  if (htm !== method || htm !== routedMethod) throw new DpopError('proof_htm', { detail: 'htm' });
}

/** Has no character that normalization might change, and no userinfo, query or fragment. */
const ALREADY_NORMAL = /^[\w\-.~:/!$&'()*+,;=]+$/;

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
  if (signed === undefined) throw new DpopError('proof_htu', { detail: 'htu', expected: baseUrls });
  if (signed.hasQuery && queryInHtu === 'reject') throw new DpopError('proof_htu_query', { detail: 'htu' });
  const requested = baseUrls.map((baseUrl) => normalizeHttpUri(baseUrl + path)?.uri);
  if (requested.includes(signed.uri)) return;
  const hasBaseUrl = baseUrls.some((baseUrl) => `${signed.uri}/`.startsWith(`${baseUrl}/`));
  throw new DpopError('proof_htu', { detail: hasBaseUrl ? 'path' : 'origin', expected: baseUrls });
}

export interface FreshnessWindow {
  readonly maxAgeSeconds: number;
  readonly futureToleranceSeconds: number;
}

/**
 * Check 11 of §4.3: `iat` is in the closed interval [now − maxAge, now + futureTolerance]. With `freshness: 'nonce'` the
 * valid nonce decides instead. `exp` and `nbf` are checked too, with futureTolerance.
 *
 * @param nonceExpiresAtSeconds when the nonce expires, with `freshness: 'nonce'`
 * @returns until when the proof is fresh, in seconds since the Unix epoch
 */
export function assertFreshness(
  { iat, exp, nbf }: ProofClaims,
  nowSeconds: number,
  { maxAgeSeconds, futureToleranceSeconds }: FreshnessWindow,
  nonceExpiresAtSeconds: number | undefined,
): number {
  const earliest = nowSeconds - futureToleranceSeconds;
  const latest = nowSeconds + futureToleranceSeconds;
  if (exp !== undefined && exp < earliest) throw late('exp', earliest - exp, futureToleranceSeconds);
  if (nbf !== undefined && nbf > latest) throw early('nbf', nbf - latest, futureToleranceSeconds);
  if (nonceExpiresAtSeconds !== undefined) return nonceExpiresAtSeconds;
  const freshUntilSeconds = iat + maxAgeSeconds;
  if (nowSeconds > freshUntilSeconds) throw late('iat', nowSeconds - freshUntilSeconds, maxAgeSeconds);
  if (iat > latest) throw early('iat', iat - latest, futureToleranceSeconds);
  return freshUntilSeconds;
}

/** The refusal of a proof that expired between its check and its record. */
export function refusedAfterWait(
  lateSeconds: number,
  { freshness, maxAgeSeconds }: { readonly freshness: 'iat' | 'nonce'; readonly maxAgeSeconds: number },
): DpopError {
  if (freshness === 'iat') return late('iat', lateSeconds, maxAgeSeconds);
  return new DpopError('proof_stale', { detail: 'nonce', offBySeconds: Math.ceil(lateSeconds) });
}

function late(detail: 'iat' | 'exp', lateSeconds: number, toleratedSeconds: number): DpopError {
  const expected = [`${detail} at most ${toleratedSeconds} s ago`];
  return new DpopError('proof_stale', { detail, expected, offBySeconds: Math.ceil(lateSeconds) });
}

function early(detail: 'iat' | 'nbf', earlySeconds: number, toleratedSeconds: number): DpopError {
  const expected = [`${detail} at most ${toleratedSeconds} s ahead of the clock of this service`];
  return new DpopError('proof_early', { detail, expected, offBySeconds: Math.ceil(earlySeconds) });
}

/** Check 12 of §4.3, second half: the token is bound to the key of the proof. */
export function assertKeyBinding(jkt: string, bound: string): void {
  if (jkt !== bound) throw new DpopError('key_binding');
}

/** Check 12 of §4.3, first half: `ath` equals the hash of the access token, compared in constant time. */
export function assertAth(ath: string | undefined, expected: string): void {
  if (ath === undefined) throw refusedClaim('ath');
  const signed = Buffer.from(ath);
  const computed = Buffer.from(expected);
  if (signed.length !== computed.length || !timingSafeEqual(signed, computed))
    throw new DpopError('proof_ath');
}
