import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { NO_MEMORY } from '../nonce/stateless-nonce.service.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from '../replay/replay.store.js';
import type { RedisConnection } from './redis-connection.js';
import { CLAIM_SCRIPT, EVICTION_SCRIPT, LOOK_SCRIPT } from './redis-scripts.js';
import { CLOCK_SKEW_SECONDS, liveSlices, secondsToKeep, type Slice, sliceOf } from './replay-slices.js';

/** Slots of a cluster are filled evenly by this many partitions; one client always meets the same one. */
const PARTITIONS = 256;
/** How often partitions are asked for their memory, as long as some answer. */
const LOOKS = 3;
/** Of the claim's id, what is kept: 96 bits. */
const FIELD_LENGTH = 16;

/**
 * Replay memory of a fleet in Redis: one atomic script in one round trip for each claim. Records lie in hashes by
 * partition of clients and slice of time, which expire as wholes.
 *
 * @see RFC 9449 §11.1
 */
export class RedisReplayStore extends ReplayStore {
  readonly #connection: RedisConnection;
  readonly #keyPrefix: string;
  readonly #afterDataLoss: 'challenge' | 'accept';
  readonly #onLoss: () => void;
  readonly #memories = Array.from({ length: PARTITIONS }, () => NO_MEMORY);
  readonly #instance = randomBytes(6).toString('base64url');
  #attempts = 0;
  #looking: Promise<void> | undefined;

  /** @param onLoss is called when clients bring to light that Redis has lost what it knew */
  constructor(
    connection: RedisConnection,
    keyPrefix: string,
    afterDataLoss: 'challenge' | 'accept',
    onLoss: () => void = () => {},
  ) {
    super();
    this.#onLoss = onLoss;
    this.#connection = connection;
    this.#keyPrefix = keyPrefix;
    this.#afterDataLoss = afterDataLoss;
    connection.onConnected(() => void this.lookAtMemories());
  }

  override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
    const partition = partitionOf(claim.jkt);
    const answer = await this.#ask(this.#keysOf(partition, claim), this.#questionOf(claim));
    if (answer === 'first' || answer === 'replayed') return answer;
    if (typeof answer !== 'string' || !answer.startsWith('unknown ')) {
      throw new DpopUnavailableError('replay_store_unavailable', {
        advice: 'Redis gave an answer that is not known',
      });
    }
    if (this.#learn(partition, answer.slice('unknown '.length))) this.#noticeLoss();
    return 'unknown';
  }

  override memoryOf(jkt: string): string {
    return this.#memories[partitionOf(jkt)] ?? NO_MEMORY;
  }

  override async lookAtMemory(jkt: string): Promise<void> {
    const isNews = await this.#lookAt(partitionOf(jkt)).catch(() => false);
    if (isNews) this.#noticeLoss();
  }

  /** Asks for the memories of all partitions; never fails. */
  lookAtMemories(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** @throws Error when Redis does not answer within the deadline */
  async ping(): Promise<void> {
    await this.#connection.evaluate(LOOK_SCRIPT, [this.#markerOf(0)], []);
    // A nonce without a memory makes a client be asked for another one.
    if (this.#memories.includes(NO_MEMORY)) await this.lookAtMemories();
  }

  /**
   * Whether Redis drops keys when its memory is full: records among them, and nobody would know.
   *
   * @throws Error when Redis does not answer within the deadline
   */
  async mayEvict(): Promise<boolean> {
    const policy = await this.#connection.evaluate(EVICTION_SCRIPT, [this.#markerOf(0)], []);
    return typeof policy === 'string' && policy !== 'noeviction';
  }

  async #look(): Promise<void> {
    let partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    // The client of a Cluster connects to a node when it is first asked for, and fails much of what comes meanwhile.
    for (let tries = 0; tries < LOOKS && partitions.length > 0; tries += 1) {
      const looks = await Promise.allSettled(partitions.map((partition) => this.#lookAt(partition)));
      const missed = partitions.filter((_, index) => looks[index]?.status === 'rejected');
      if (missed.length === partitions.length) return;
      partitions = missed;
    }
  }

  /** Whether there was news. */
  async #lookAt(partition: number): Promise<boolean> {
    const memory = await this.#connection.evaluate(LOOK_SCRIPT, [this.#markerOf(partition)], []);
    return typeof memory === 'string' && this.#learn(partition, memory);
  }

  /** Where one partition lost its memory, others will have: better to learn it before clients do. */
  #noticeLoss(): void {
    void this.lookAtMemories();
    this.#onLoss();
  }

  async #ask(keys: readonly string[], question: string): Promise<unknown> {
    try {
      return await this.#connection.evaluate(CLAIM_SCRIPT, keys, [question]);
    } catch (cause) {
      throw new DpopUnavailableError('replay_store_unavailable', {
        cause,
        advice: 'Redis cannot be reached in time',
      });
    }
  }

  /**
   * The marker, the slice of this proof, and every other one that may hold a live proof with the same `jti`. A slice is
   * cut into 64 hashes, so that Redis keeps them in its compact encoding: 60 entries in each at a million proofs.
   */
  #keysOf(partition: number, { id, nowSeconds, freshUntilSeconds, lifetimeSeconds }: ReplayClaim): string[] {
    const shard = id.charAt(FIELD_LENGTH);
    const marker = this.#markerOf(partition);
    const keyOf = (slice: Slice) => `${marker}:${slice.toString(36)}:${shard}`;
    const own = sliceOf(freshUntilSeconds);
    const keys = [marker, keyOf(own)];
    for (const slice of liveSlices(nowSeconds, lifetimeSeconds)) if (slice !== own) keys.push(keyOf(slice));
    return keys;
  }

  /** See `CLAIM_SCRIPT`. */
  #questionOf({ id, nowSeconds, freshUntilSeconds, lifetimeSeconds, memory }: ReplayClaim): string {
    const field = id.slice(0, FIELD_LENGTH);
    const liveSeconds = secondsToKeep(freshUntilSeconds, nowSeconds);
    const doubtSeconds = lifetimeSeconds + CLOCK_SKEW_SECONDS;
    const freshSeconds = Math.floor(freshUntilSeconds - nowSeconds);
    const named = memory === undefined || memory === NO_MEMORY ? '-' : memory;
    return `${field} ${this.#nextAttempt()} ${liveSeconds} ${doubtSeconds} ${freshSeconds} ${named} ${this.#afterDataLoss}`;
  }

  /** Never comes again: not here, since it counts, and not elsewhere, since the instance has a name of its own. */
  #nextAttempt(): string {
    this.#attempts += 1;
    return `${this.#instance}${this.#attempts.toString(36)}`;
  }

  #markerOf(partition: number): string {
    return `${this.#keyPrefix}{${partition}}`;
  }

  /** Whether that was news. */
  #learn(partition: number, memory: string): boolean {
    if (this.#memories[partition] === memory) return false;
    this.#memories[partition] = memory;
    return true;
  }
}

/** A thumbprint is evenly distributed already. */
function partitionOf(jkt: string): number {
  return Buffer.from(jkt.slice(0, 2), 'base64url')[0] ?? 0;
}
