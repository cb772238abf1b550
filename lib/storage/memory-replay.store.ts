import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DigestSet, type DigestWords, readDigest } from './digest-set.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from './replay.store.js';

export interface MemoryReplayStoreOptions {
  /**
   * The maximum number of live records, default 1,000,000. The store never drops a live record: when it is full, the
   * service answers 503.
   */
  readonly maxEntries?: number;
  /**
   * What happens to proofs that may have been used before a restart of the process, which loses all records. `accept`
   * (the default) accepts them. `challenge` demands a nonce, so that no proof is accepted twice.
   */
  readonly afterDataLoss?: 'accept' | 'challenge';
}

const SLICE_SECONDS = 30;

/**
 * Replay store of one process: bounded and exact, with about 40 bytes per live record. It keeps records in slices of
 * time and drops whole slices. It needs no timer.
 */
export class MemoryReplayStore extends ReplayStore {
  readonly #slices = new Map<number, DigestSet>();
  readonly #words: DigestWords = new Uint32Array(4);
  #epoch = createEpoch();
  readonly #maxEntries: number;
  readonly #afterDataLoss: 'accept' | 'challenge';
  /** The present slice when expired slices were last dropped. */
  #presentSlice = 0;
  readonly #createdMs = performance.now();
  /** Records of a predecessor of this process are older than this. By the clock of the claims. */
  #startedAtSeconds: number | undefined;

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

  /** The number of records. */
  get size(): number {
    let size = 0;
    for (const slice of this.#slices.values()) size += slice.size;
    return size;
  }

  /**
   * Sets the time from which this process has records. Without it, the store uses the time of its own creation.
   *
   * @param nowSeconds by the clock of the claims
   */
  start(nowSeconds: number): void {
    this.#startedAtSeconds ??= nowSeconds;
  }

  override claim(claim: ReplayClaim): ReplayOutcome {
    this.#dropExpired(claim.nowSeconds);
    if (this.#mayPrecedeStart(claim)) return 'unknown';
    const words = readDigest(claim.id, this.#words);
    for (const slice of this.#slices.values()) if (slice.has(words)) return 'replayed';
    if (this.size >= this.#maxEntries) throw new DpopUnavailableError('replay_store_full');
    this.#sliceOf(claim.freshUntilSeconds).add(words);
    return 'first';
  }

  override epochOf(): string {
    return this.#epoch;
  }

  /** Whether a predecessor of this process may have accepted the proof. */
  #mayPrecedeStart({
    nowSeconds,
    freshUntilSeconds,
    lifetimeSeconds,
    epoch,
    afterDataLoss,
  }: ReplayClaim): boolean {
    // Another process may have accepted it, or a predecessor of this one.
    if (afterDataLoss === 'refuse') return epoch !== this.#epoch;
    if (this.#afterDataLoss === 'accept' || epoch === this.#epoch) return false;
    this.#startedAtSeconds ??= nowSeconds - (performance.now() - this.#createdMs) / 1000;
    // Rounded up like `freshUntilSeconds`: a proof from before the start must not look newer than it is.
    return freshUntilSeconds <= Math.ceil(this.#startedAtSeconds + lifetimeSeconds);
  }

  /** The clock was set back: proofs whose records were dropped may be fresh again. */
  #beginEpoch(): void {
    this.#epoch = createEpoch();
    this.#startedAtSeconds = (this.#presentSlice + 1) * SLICE_SECONDS;
  }

  #sliceOf(freshUntilSeconds: number): DigestSet {
    const index = Math.floor(freshUntilSeconds / SLICE_SECONDS);
    let slice = this.#slices.get(index);
    if (slice === undefined) this.#slices.set(index, (slice = new DigestSet()));
    return slice;
  }

  #dropExpired(nowSeconds: number): void {
    const present = Math.floor(nowSeconds / SLICE_SECONDS);
    if (present === this.#presentSlice) return;
    if (present < this.#presentSlice) this.#beginEpoch();
    this.#presentSlice = present;
    for (const index of this.#slices.keys()) if (index < present) this.#slices.delete(index);
  }
}

function createEpoch(): string {
  return randomBytes(6).toString('base64url');
}
