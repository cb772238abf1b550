import type { ReplayClaim } from '../storage/replay.store.js';
import { maxAgeOf, maxAheadOf, shardOf } from './claim-argument.js';
import { liveSlices, type Slice, sliceOf } from './claim-slices.js';

/** The number of parts into which clients are divided; all proofs of one client belong to the same part. */
export const PARTITIONS = 256;

/** The first octet of the thumbprint, which is evenly distributed. */
export function partitionOf(jkt: string): number {
  return Buffer.from(jkt.slice(0, 2), 'base64url')[0] ?? 0;
}

/** Names of keys. The part in braces decides the slot of a Cluster: all keys of a claim are in one slot. */
export class ClaimKeys {
  readonly #ledgers: readonly string[];
  readonly #hashes: readonly string[];

  constructor(keyPrefix: string) {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => `${keyPrefix}{${partition}}`);
    // Version 0.1 used another name, for a string. This key is a hash.
    this.#ledgers = partitions.map((partition) => `${partition}:ledger`);
    this.#hashes = partitions.map((partition) => `${partition}:`);
  }

  ledgerOf(partition: number): string {
    return this.#ledgers[partition] ?? '';
  }

  /** The ledger, the hash of this proof, and the hashes that may hold another live proof with the same `jti`. */
  of(partition: number, claim: ReplayClaim): string[] {
    const prefix = this.#hashes[partition] ?? '';
    const shard = shardOf(claim);
    const keyOf = (slice: Slice) => `${prefix}${slice}.${shard}`;
    const own = sliceOf(claim.proofTimeSeconds);
    const keys = [this.ledgerOf(partition), keyOf(own)];
    const { first, last } = liveSlices(claim.nowSeconds, maxAgeOf(claim), maxAheadOf(claim));
    for (let slice = first; slice <= last; slice += 1) if (slice !== own) keys.push(keyOf(slice));
    return keys;
  }
}
