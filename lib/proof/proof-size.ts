import { JWS_ALGORITHMS } from '../jws/algorithms.js';

/** The JSON of all claims, with a `jti` of 36 characters, an `htu` of 140, `ath` and a nonce. */
const CLAIMS_BYTES = 384;

/**
 * The minimum of `proof.maxBytes` for an algorithm whose keys and signatures have a fixed, large size; 0 for any other
 * algorithm.
 */
export function minProofBytes(alg: string): number {
  const algorithm = JWS_ALGORITHMS.get(alg);
  if (algorithm?.signatureBytes === undefined) return 0;
  const { kty, members, signatureBytes } = algorithm;
  const jwk = { kty, alg, pub: 'A'.repeat(members.pub ?? 0) };
  const header = JSON.stringify({ typ: 'dpop+jwt', alg, jwk });
  return encodedLength(header.length) + 1 + encodedLength(CLAIMS_BYTES) + 1 + encodedLength(signatureBytes);
}

/** The length in base64url without padding. */
const encodedLength = (bytes: number): number => Math.ceil((bytes * 4) / 3);
