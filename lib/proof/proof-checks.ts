import { timingSafeEqual } from 'node:crypto';
import { DpopError } from '../errors/dpop.error.js';
import { normalizeHttpUri } from '../http/http-uri.js';
import { type ProofClaims, refusedClaim } from './proof-claims.js';

/**
 * Check 8 of §4.3: `htm` is the method, case-sensitive (RFC 9110 §9.1): the one on the wire, and the one that the request
 * was routed by, which a method-override middleware lets the client choose.
 */
export function assertHtm(htm: string, method: string, routedMethod = method): void {
  if (htm !== method || htm !== routedMethod) throw new DpopError('proof_htm', { detail: 'htm' });
}

/** Nothing in it that normalization would change, nor a userinfo, query or fragment. */
const ALREADY_NORMAL = /^[\w\-.~:/!$&'()*+,;=]+$/;

/**
 * Check 9 of §4.3: `htu` is the URI of the request without query and fragment, both in normal form.
 *
 * @param baseUrls in normal form; the request is for `path` below each of them
 * @param path of the request, as received
 */
export function assertHtu(
  htu: string,
  baseUrls: readonly string[],
  path: string,
  queryInHtu: 'ignore' | 'reject',
): void {
  // Equal strings are equal in normal form: that spares nearly every request the long way.
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
 * Check 11 of §4.3: `iat` lies within the closed interval [now − maxAge, now + futureTolerance]. A good nonce whose
 * own time decides instead takes its place. `exp` and `nbf` are honoured with the same tolerance for clocks.
 *
 * @param nonceExpiresAtSeconds the end of the nonce's life, when freshness is by nonce
 * @returns the last instant, in seconds, at which this proof is fresh
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

/** A proof that was fresh when it was checked, and is no more when it is to be recorded. */
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

/** Check 12 of §4.3, its second half: the key of the proof is the key that the token is bound to. */
export function assertKeyBinding(jkt: string, bound: string): void {
  if (jkt !== bound) throw new DpopError('key_binding');
}

/** Check 12 of §4.3, its first half: `ath` is the hash of the token as presented, compared in constant time. */
export function assertAth(ath: string | undefined, expected: string): void {
  if (ath === undefined) throw refusedClaim('ath');
  const signed = Buffer.from(ath);
  const computed = Buffer.from(expected);
  if (signed.length !== computed.length || !timingSafeEqual(signed, computed))
    throw new DpopError('proof_ath');
}
