import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DigestSet, type DigestWords, readDigest } from './digest-set.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from './replay.store.js';

export interface MemoryReplayStoreOptions {
  /** The most proofs remembered at a time, default 1,000,000. No live one is ever dropped: beyond it, 503. */
  readonly maxEntries?: number;
  /**
   * What a restart of the process, which loses the memory, means for proofs that may have been seen before it:
   * `accept` them (the default), or `challenge` for a nonce, so that none is accepted twice.
   */
  readonly afterDataLoss?: 'accept' | 'challenge';
}

const SLICE_SECONDS = 30;

/**
 * Replay memory of one process: bounded, exact, about 40 octets for each live proof. Records lie in slices of time
 * and are dropped slice by slice; nothing is swept, no timer runs.
 */
export class MemoryReplayStore extends ReplayStore {
  readonly #slices = new Map<number, DigestSet>();
  readonly #words: DigestWords = new Uint32Array(4);
  readonly #epoch = randomBytes(6).toString('base64url');
  readonly #maxEntries: number;
  readonly #afterDataLoss: 'accept' | 'challenge';
  /** The slice of time for which expired ones have been forgotten. */
  #present = 0;
  readonly #createdMs = performance.now();
  /** Whatever a predecessor of this process saw, it saw before. By the clock of the claims. */
  #lostBeforeSeconds: number | undefined;

  constructor({ maxEntries = 1_000_000, afterDataLoss = 'accept' }: MemoryReplayStoreOptions = {}) {
    super();
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
      throw new TypeError('maxEntries must be a positive integer, such as 1_000_000');
    }
    if (afterDataLoss !== 'accept' && afterDataLoss !== 'challenge') {
      throw new TypeError('afterDataLoss must be "accept" or "challenge"');
    }
    this.#maxEntries = maxEntries;
    this.#afterDataLoss = afterDataLoss;
  }

  /** How many proofs are remembered. */
  get size(): number {
    let size = 0;
    for (const slice of this.#slices.values()) size += slice.size;
    return size;
  }

  /**
   * Says when the process started; else the store goes by its own creation. What was seen before is not known here.
   *
   * @param nowSeconds by the clock of the claims to come
   */
  start(nowSeconds: number): void {
    this.#lostBeforeSeconds ??= nowSeconds;
  }

  override claim(claim: ReplayClaim): ReplayOutcome {
    this.#forgetExpired(claim.nowSeconds);
    if (this.#mayBeForgotten(claim)) return 'unknown';
    const words = readDigest(claim.id, this.#words);
    for (const slice of this.#slices.values()) if (slice.has(words)) return 'replayed';
    if (this.size >= this.#maxEntries) throw new DpopUnavailableError('replay_store_full');
    this.#sliceOf(claim.freshUntilSeconds).add(words);
    return 'first';
  }

  override epochOf(): string {
    return this.#epoch;
  }

  /** Whether this process' predecessor may have seen the proof. */
  #mayBeForgotten({ nowSeconds, freshUntilSeconds, lifetimeSeconds, epoch }: ReplayClaim): boolean {
    if (this.#afterDataLoss === 'accept' || epoch === this.#epoch) return false;
    this.#lostBeforeSeconds ??= nowSeconds - (performance.now() - this.#createdMs) / 1000;
    // Rounded up as `freshUntilSeconds` is: the last of the proofs seen before must not look newer than it is.
    return freshUntilSeconds <= Math.ceil(this.#lostBeforeSeconds + lifetimeSeconds);
  }

  #sliceOf(freshUntilSeconds: number): DigestSet {
    const index = Math.floor(freshUntilSeconds / SLICE_SECONDS);
    let slice = this.#slices.get(index);
    if (slice === undefined) this.#slices.set(index, (slice = new DigestSet()));
    return slice;
  }

  #forgetExpired(nowSeconds: number): void {
    const present = Math.floor(nowSeconds / SLICE_SECONDS);
    if (present === this.#present) return;
    this.#present = present;
    for (const index of this.#slices.keys()) if (index < present) this.#slices.delete(index);
  }
}
