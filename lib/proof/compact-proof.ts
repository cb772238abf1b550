import { DpopError } from '../errors/dpop.error.js';

/** The three segments of a proof, still encoded. */
export interface CompactProof {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  /** `header.payload`: the octets that are signed (RFC 7515 §5.2). */
  readonly signingInput: string;
}

const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Check 2 of §4.3, the outer form: three base64url segments, none empty. A JWE has five.
 *
 * @throws DpopError `proof_malformed`
 */
export function parseCompactProof(proof: string): CompactProof {
  if (!COMPACT_JWS.test(proof)) throw new DpopError('proof_malformed');
  const first = proof.indexOf('.');
  const second = proof.indexOf('.', first + 1);
  const header = proof.slice(0, first);
  const payload = proof.slice(first + 1, second);
  const signature = proof.slice(second + 1);
  // A rest of one character encodes nothing (RFC 4648 §4); decoders disagree about it.
  if (header.length % 4 === 1 || payload.length % 4 === 1 || signature.length % 4 === 1) {
    throw new DpopError('proof_malformed');
  }
  return { header, payload, signature, signingInput: proof.slice(0, second) };
}
