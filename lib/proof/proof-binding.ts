import { timingSafeEqual } from 'node:crypto';
import { DpopError } from '../errors/dpop.error.js';
import { refusedClaim } from './proof-claims.js';

/** Check 12 of §4.3, second half: the token is bound to the key of the proof. */
export function assertKeyBinding(jkt: string, bound: string): void {
  if (jkt !== bound) throw new DpopError('key_binding');
}

/**
 * A proof with `ath` was made for a protected resource. Accepted without an access token, it would be good for two requests.
 */
export function assertNoAth(ath: string | undefined): void {
  if (ath !== undefined) throw new DpopError('proof_ath_unexpected', { detail: 'ath' });
}

/** Check 12 of §4.3, first half: `ath` equals the hash of the access token, compared in constant time. */
export function assertAth(ath: string | undefined, expected: string): void {
  if (ath === undefined) throw refusedClaim('ath');
  const signed = Buffer.from(ath);
  const computed = Buffer.from(expected);
  if (signed.length !== computed.length || !timingSafeEqual(signed, computed))
    throw new DpopError('proof_ath');
}
