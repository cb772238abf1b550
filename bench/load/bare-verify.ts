import { type KeyObject, verify } from 'node:crypto';
import type { Work } from '../rounds.js';

/** The minimum for a DPoP service: only `crypto.verify`, with an imported key and prepared bytes. */
export function bareVerify(publicKey: KeyObject, proofs: readonly string[]): Work {
  const inputs = proofs.map((proof) => {
    const end = proof.lastIndexOf('.');
    return {
      data: Buffer.from(proof.slice(0, end)),
      signature: Buffer.from(proof.slice(end + 1), 'base64url'),
    };
  });
  const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
  return () => {
    for (const { data, signature } of inputs) {
      if (!verify('sha256', data, key, signature)) throw new Error('a valid signature was refused');
    }
  };
}
