import { randomBytes } from 'node:crypto';
import { BenchClient } from './bench-client.js';
import { type BenchRequest, type Holder, ORIGIN, TARGET } from './protected-service.js';

/** A kind of bad request, and the reason for its refusal. */
export interface Refusal {
  readonly name: string;
  readonly reason: string | undefined;
  readonly make: () => Partial<BenchRequest>;
}

const STALE_SECONDS = 120;

/**
 * @param htu the `htu` of the proofs
 * @param spent a request that was accepted before
 */
export function refusals(holder: Holder, htu: string, spent: () => BenchRequest): readonly Refusal[] {
  const { client, token } = holder;
  const thief = new BenchClient();
  const proofOf = (owner: BenchClient, ageSeconds = 0) => owner.createProof({ htu, token, ageSeconds });
  return [
    { name: 'accepted', reason: undefined, make: () => ({ token, proof: proofOf(client) }) },
    {
      name: 'forged proof',
      reason: 'proof_signature',
      make: () => ({ token, proof: withSignatureOf(proofOf(client), proofOf(client)) }),
    },
    { name: 'replay', reason: 'proof_replayed', make: spent },
    { name: 'stale', reason: 'proof_stale', make: () => ({ token, proof: proofOf(client, STALE_SECONDS) }) },
    { name: 'wrong key', reason: 'key_binding', make: () => ({ token, proof: proofOf(thief) }) },
    { name: 'no token', reason: 'credentials_missing', make: () => ({}) },
    {
      name: 'garbage proof',
      reason: 'proof_malformed',
      make: () => ({ token, proof: garbageLike(proofOf(client)) }),
    },
    {
      name: 'garbage token',
      reason: 'token_invalid',
      make: () => ({ token: garbageLike(token), proof: proofOf(client) }),
    },
  ];
}

export const HTU = ORIGIN + TARGET;

/** A proof with the header of the client and an invalid signature. */
function withSignatureOf(proof: string, other: string): string {
  return proof.slice(0, proof.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'));
}

/** A text with segments of the same lengths, which can be decoded but are not JSON. */
function garbageLike(jws: string): string {
  return jws
    .split('.')
    .map(({ length }) => randomBytes(length).toString('base64url').slice(0, length))
    .join('.');
}
