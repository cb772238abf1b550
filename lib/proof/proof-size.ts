import { JWS_ALGORITHMS } from '../jws/algorithms.js';

/** A `jti` of 36 characters, an `htu` of 140, `ath`, a nonce and the rest, as JSON. */
const CLAIMS_OCTETS = 384;

/**
 * The least `proof.maxBytes` with which the proofs of an algorithm get through, where the algorithm fixes the size of
 * key and signature; 0 elsewhere.
 */
export function minProofBytes(alg: string): number {
  const algorithm = JWS_ALGORITHMS.get(alg);
  if (algorithm?.signatureOctets === undefined) return 0;
  const { kty, members, signatureOctets } = algorithm;
  const jwk = { kty, alg, pub: 'A'.repeat(members.pub ?? 0) };
  const header = JSON.stringify({ typ: 'dpop+jwt', alg, jwk });
  return encodedLength(header.length) + 1 + encodedLength(CLAIMS_OCTETS) + 1 + encodedLength(signatureOctets);
}

/** In base64url without padding. */
const encodedLength = (octets: number): number => Math.ceil((octets * 4) / 3);
