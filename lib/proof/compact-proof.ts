import { DpopError } from '../errors/dpop.error.js';

/** The three segments of a proof, still encoded. */
export interface CompactProof {
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
  /** `header.payload`: the octets that are signed (RFC 7515 §5.2). */
  readonly signingInput: string;
}

/** Looking for what is not allowed is faster than matching all that is. */
const NEITHER_BASE64URL_NOR_DOT = /[^\w.-]/;

/**
 * Check 2 of §4.3, the outer form: three base64url segments, none empty. A JWE has five.
 *
 * @throws DpopError `proof_malformed`
 */
export function parseCompactProof(proof: string): CompactProof {
  const [header = '', payload = '', signature = '', more] = proof.split('.', 4);
  const isWhole = isEncoding(header) && isEncoding(payload) && isEncoding(signature) && more === undefined;
  if (!isWhole || NEITHER_BASE64URL_NOR_DOT.test(proof)) throw new DpopError('proof_malformed');
  return { header, payload, signature, signingInput: proof.slice(0, -1 - signature.length) };
}

/** A rest of one character encodes nothing (RFC 4648 §4); decoders disagree about it. */
function isEncoding(segment: string): boolean {
  return segment !== '' && segment.length % 4 !== 1;
}
