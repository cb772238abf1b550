import { DpopError } from '../errors/dpop.error.js';
import { type CompactJws, parseCompactJws } from '../jws/compact-jws.js';

/**
 * Check 2 of §4.3, as far as the compact form is concerned.
 *
 * @throws DpopError `proof_malformed`
 */
export function parseCompactProof(proof: string): CompactJws {
  const jws = parseCompactJws(proof);
  if (jws === undefined) throw new DpopError('proof_malformed');
  return jws;
}
