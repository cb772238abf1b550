import { createPublicKey } from 'node:crypto';
import { DpopError } from '../errors/dpop.error.js';
import type { CompactJws } from '../jws/compact-jws.js';
import { findDegenerateMember } from '../jws/degenerate-key.js';
import { createSignatureKey, isSignedBy, type SignatureKey } from '../jws/signature.js';
import type { ProofHeader } from './proof-header.js';

/** An imported public key, and its thumbprint. */
export interface ProofKey extends SignatureKey {
  readonly jkt: string;
}

/**
 * Imports the key of a header that `parseProofHeader` has accepted. Refuses points that are not on the curve, and keys
 * for which anybody can create signatures.
 *
 * @throws DpopError `proof_jwk`
 */
export function importProofKey({ algorithm, jwk, jkt }: ProofHeader): ProofKey {
  const degenerate = findDegenerateMember(jwk);
  if (degenerate !== undefined) throw new DpopError('proof_jwk', { detail: degenerate });
  try {
    return { jkt, ...createSignatureKey(createPublicKey({ key: jwk, format: 'jwk' }), algorithm) };
  } catch {
    throw new DpopError('proof_jwk', { detail: 'key' });
  }
}

/**
 * Check 6 of §4.3.
 *
 * @throws DpopError `proof_signature`
 */
export function assertProofSignature(proof: CompactJws, key: ProofKey): void {
  if (!isSignedBy(proof, key)) throw new DpopError('proof_signature', { detail: 'signature' });
}
