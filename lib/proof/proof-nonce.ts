import { DpopError } from '../errors/dpop.error.js';
import type { AcceptedNonce, NonceService } from '../nonce/nonce.service.js';

/**
 * Check 10 of §4.3: a nonce that the proof carries is one that this service issued, and has not expired. Whether a proof
 * must carry one is for the policy of the route.
 *
 * @returns what the nonce proves, or `undefined` without one
 * @throws DpopError `nonce_unacceptable`, which does not carry a fresh nonce yet
 */
export function acceptNonce(nonce: string | undefined, nonces: NonceService): AcceptedNonce | undefined {
  if (nonce === undefined) return undefined;
  const accepted = nonces.check(nonce);
  if (accepted === undefined) throw new DpopError('nonce_unacceptable');
  return accepted;
}
