import { randomBytes } from 'node:crypto';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { NO_MEMORY } from '../nonce/stateless-nonce.service.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from '../replay/replay.store.js';
import type { RedisConnection } from './redis-connection.js';
import { CLAIM_SCRIPT, LOOK_SCRIPT } from './redis-scripts.js';

/** Slots of a cluster are filled evenly by this many partitions; one client always meets the same one. */
const PARTITIONS = 256;
/** Hashes a partition's slice is cut into, so that Redis keeps them in its compact encoding: 60 entries at a million. */
const SHARDS = 64;
const SLICE_SECONDS = 60;
/** By how much the clocks of two instances may differ. */
const CLOCK_SKEW_SECONDS = 30;
/** Characters of base64url: 96 bits of the claim's id. */
const FIELD_BYTES = 12;

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
  readonly #memories = Array.from({ length: PARTITIONS }, () => NO_MEMORY);
  #looking: Promise<void> | undefined;

  constructor(connection: RedisConnection, keyPrefix: string, afterDataLoss: 'challenge' | 'accept') {
    super();
    this.#connection = connection;
    this.#keyPrefix = keyPrefix;
    this.#afterDataLoss = afterDataLoss;
    connection.onConnected(() => void this.lookAtMemories());
  }

  override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
    const { id, jkt, nowSeconds, freshUntilSeconds, lifetimeSeconds, memory } = claim;
    const partition = partitionOf(jkt);
    const answer = await this.#evaluate(this.#keysOf(partition, claim), [
      Buffer.from(id.buffer, id.byteOffset, FIELD_BYTES).toString('base64url'),
      randomBytes(6).toString('base64url'),
      Math.ceil(sliceEnd(freshUntilSeconds) - nowSeconds) + CLOCK_SKEW_SECONDS,
      lifetimeSeconds + CLOCK_SKEW_SECONDS,
      Math.floor(freshUntilSeconds - nowSeconds),
      memory === undefined || memory === NO_MEMORY ? '' : memory,
      this.#afterDataLoss,
    ]);
    if (answer === 'first' || answer === 'replayed') return answer;
    if (typeof answer !== 'string' || !answer.startsWith('unknown ')) {
      throw new DpopUnavailableError('replay_store_unavailable', {
        advice: 'Redis gave an answer that is not known',
      });
    }
    // Where one partition lost its memory, others will have: better to learn it before clients do.
    if (this.#learn(partition, answer.slice('unknown '.length))) void this.lookAtMemories();
    return 'unknown';
  }

  override memoryOf(jkt: string): string {
    return this.#memories[partitionOf(jkt)] ?? NO_MEMORY;
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

  async #look(): Promise<void> {
    const looks = Array.from({ length: PARTITIONS }, async (_, partition) => {
      const memory = await this.#connection.evaluate(LOOK_SCRIPT, [this.#markerOf(partition)], []);
      if (typeof memory === 'string') this.#learn(partition, memory);
    });
    await Promise.allSettled(looks);
  }

  async #evaluate(keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#connection.evaluate(CLAIM_SCRIPT, keys, args);
    } catch (cause) {
      throw new DpopUnavailableError('replay_store_unavailable', {
        cause,
        advice: 'Redis cannot be reached in time',
      });
    }
  }

  /** The marker, the slice of this proof, and every other one that may hold a live proof with the same `jti`. */
  #keysOf(partition: number, { id, nowSeconds, freshUntilSeconds, lifetimeSeconds }: ReplayClaim): string[] {
    const shard = (id[FIELD_BYTES] ?? 0) % SHARDS;
    const own = sliceOf(freshUntilSeconds);
    const keyOf = (slice: number) => `${this.#keyPrefix}{${partition}}:${slice.toString(36)}:${shard}`;
    const keys = [this.#markerOf(partition), keyOf(own)];
    for (let slice = sliceOf(nowSeconds); slice <= sliceOf(nowSeconds + lifetimeSeconds); slice += 1) {
      if (slice !== own) keys.push(keyOf(slice));
    }
    return keys;
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

const sliceOf = (seconds: number) => Math.floor(seconds / SLICE_SECONDS);
const sliceEnd = (seconds: number) => (sliceOf(seconds) + 1) * SLICE_SECONDS;
