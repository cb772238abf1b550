import { timingSafeEqual } from 'node:crypto';
import { DpopError } from '../errors/dpop.error.js';
import { refusedClaim } from './proof-claims.js';

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
