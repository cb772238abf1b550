import { DpopError } from '../errors/dpop.error.js';
import type { ProofClaims } from './proof-claims.js';

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
