import { type KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';
import type { JwsAlgorithm } from './algorithms.js';
import type { CompactJws } from './compact-jws.js';

/** An imported public key for one algorithm. */
export interface SignatureKey {
  readonly hash: JwsAlgorithm['hash'];
  /** The key with the padding or encoding of its signatures. */
  readonly key: VerifyKeyObjectInput;
}

export function createSignatureKey(key: KeyObject, { hash, verifyOptions }: JwsAlgorithm): SignatureKey {
  return { hash, key: { key, ...verifyOptions } };
}

/** Whether the signature is valid for the key. */
export function isSignedBy({ signingInput, signature }: CompactJws, { hash, key }: SignatureKey): boolean {
  try {
    return verify(hash, Buffer.from(signingInput, 'latin1'), key, Buffer.from(signature, 'base64url'));
  } catch {
    // For some malformed signatures, some versions of OpenSSL throw and others return false.
    return false;
  }
}
