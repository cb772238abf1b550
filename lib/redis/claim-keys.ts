import type { ReplayClaim } from '../storage/replay.store.js';
import { aheadOf, reachOf, shardOf } from './claim-question.js';
import { liveSlices, type Slice, sliceOf } from './claim-slices.js';

/** Slots of a cluster are filled evenly by this many partitions; one client always meets the same one. */
export const PARTITIONS = 256;

/** A thumbprint is evenly distributed already. */
export function partitionOf(jkt: string): number {
  return Buffer.from(jkt.slice(0, 2), 'base64url')[0] ?? 0;
}

/** The names of keys. What stands in braces decides the slot: all keys of a claim lie in one. */
export class ClaimKeys {
  readonly #ledgers: readonly string[];
  readonly #hashes: readonly string[];

  constructor(keyPrefix: string) {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => `${keyPrefix}{${partition}}`);
    // Another name than the marker of version 0.1, which was a string.
    this.#ledgers = partitions.map((partition) => `${partition}:ledger`);
    this.#hashes = partitions.map((partition) => `${partition}:`);
  }

  ledgerOf(partition: number): string {
    return this.#ledgers[partition] ?? '';
  }

  /** The ledger, the hash of this proof, and every other one that may hold a live proof with the same `jti`. */
  of(partition: number, claim: ReplayClaim): string[] {
    const hashes = this.#hashes[partition] ?? '';
    const shard = shardOf(claim);
    const keyOf = (slice: Slice) => `${hashes}${slice}.${shard}`;
    const own = sliceOf(claim.proofTimeSeconds);
    const keys = [this.ledgerOf(partition), keyOf(own)];
    const { first, last } = liveSlices(claim.nowSeconds, reachOf(claim), aheadOf(claim));
    for (let slice = first; slice <= last; slice += 1) if (slice !== own) keys.push(keyOf(slice));
    return keys;
  }
}
