import { hash, randomUUID } from 'node:crypto';
import { CompactSign } from 'jose';
import type { SigningKey } from './key-file.js';

/** The request that a proof is for. */
export interface ProofTarget {
  readonly method: string;
  readonly url: URL;
  /** The access token that is sent with the proof, for `ath`. */
  readonly token?: string | undefined;
  readonly nonce?: string | undefined;
}

/** The `htu` that a client signs for a URL: without query and fragment (§4.2). */
export function htuOf({ origin, pathname }: URL): string {
  return origin + pathname;
}

/** A proof (RFC 9449 §4.2). */
export async function createProof(
  { alg, publicJwk, privateKey }: SigningKey,
  { method, url, token, nonce }: ProofTarget,
  nowMs: number,
): Promise<string> {
  const claims = {
    jti: randomUUID(),
    htm: method,
    htu: htuOf(url),
    iat: Math.floor(nowMs / 1000),
    ...(token !== undefined && { ath: hash('sha256', token, 'base64url') }),
    ...(nonce !== undefined && { nonce }),
  };
  return await new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: publicJwk })
    .sign(privateKey);
}
