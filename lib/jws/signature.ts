import { type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';
import type { JwsAlgorithm } from './algorithms.js';
import type { CompactJws } from './compact-jws.js';

/** A public key, ready to verify signatures of one algorithm. */
export interface SignatureKey {
  readonly hash: JwsAlgorithm['hash'];
  /** The key, and how signatures by it are made. */
  readonly key: VerifyKeyObjectInput;
}

export function createSignatureKey(key: KeyObject, { hash, verifyOptions }: JwsAlgorithm): SignatureKey {
  return { hash, key: { key, ...verifyOptions } };
}

/** Whether the key made the signature. `crypto.verify` with a ready key is the floor of what a JWS costs. */
export function isSignedBy({ signingInput, signature }: CompactJws, { hash, key }: SignatureKey): boolean {
  try {
    return verify(hash, Buffer.from(signingInput, 'latin1'), key, Buffer.from(signature, 'base64url'));
  } catch {
    // An impossible signature throws in some versions of OpenSSL and is merely false in others.
    return false;
  }
}
