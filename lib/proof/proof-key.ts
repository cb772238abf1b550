import { createPublicKey, verify, type VerifyKeyObjectInput } from 'node:crypto';
import { DpopError } from '../errors/dpop.error.js';
import type { ProofAlgorithm } from './algorithms.js';
import type { CompactProof } from './compact-proof.js';
import type { ProofHeader } from './proof-header.js';

/** A public key ready to verify proofs, and the thumbprint it is known by. */
export interface ProofKey {
  readonly jkt: string;
  readonly hash: ProofAlgorithm['hash'];
  /** The key, and how signatures by it are made. */
  readonly key: VerifyKeyObjectInput;
}

/**
 * Imports the key of a vetted header, which refuses points that are not on the curve. Half the price of an import by
 * WebCrypto, whose other rules are among those of the header.
 *
 * @throws DpopError `proof_jwk`
 */
export function importProofKey({ algorithm, jwk, jkt }: ProofHeader): ProofKey {
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return { jkt, hash: algorithm.hash, key: { key, ...algorithm.verifyOptions } };
  } catch {
    throw new DpopError('proof_jwk');
  }
}

/**
 * Check 6 of §4.3. `crypto.verify` with a ready key is the floor of what a proof costs.
 *
 * @throws DpopError `proof_signature`
 */
export function verifyProofSignature(proof: CompactProof, { hash, key }: ProofKey): void {
  let valid = false;
  try {
    valid = verify(
      hash,
      Buffer.from(proof.signingInput, 'latin1'),
      key,
      Buffer.from(proof.signature, 'base64url'),
    );
  } catch {
    // An impossible signature throws in some versions of OpenSSL and is merely false in others.
  }
  if (!valid) throw new DpopError('proof_signature');
}
