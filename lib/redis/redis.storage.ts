import {
  assertFunction,
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  fail,
} from '../errors/option-asserts.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import { RedisConnection } from './redis-connection.js';
import { inspectRedis } from './redis-inspection.js';
import { RedisNonceSecrets } from './redis-nonce-secrets.js';
import { RedisReplayStore } from './redis-replay.store.js';
import type { RedisSource } from './redis-source.js';

export interface RedisStorageOptions {
  /** What all keys begin with, default `dpop:`. One prefix for each service. */
  readonly keyPrefix?: string;
  /** How long Redis may take to answer, in milliseconds, default 250; beyond it the request is refused with 503. */
  readonly deadlineMs?: number;
  /**
   * What to do about proofs that may have been seen before Redis lost what it knew: `challenge` for a nonce, so that
   * none is accepted twice (the default), or `accept` them.
   */
  readonly afterDataLoss?: 'challenge' | 'accept';
  /** How often the secret behind nonces changes, in seconds, default a day. */
  readonly nonceRotationSeconds?: number;
  /** Milliseconds since the epoch, default `Date.now`; for tests. */
  readonly clock?: Clock;
}

const DAY_SECONDS = 86_400;

/**
 * Replay memory and nonce secrets of a fleet in Redis 6.2 or later, or Valkey; standalone, with Sentinel, or a Cluster.
 *
 * @example
 * ```ts
 * DpopModule.forRoot({ …, storage: new RedisStorage('redis://localhost:6379') });
 * ```
 * @param source an ioredis client, which is never closed here; or a URL, options or cluster nodes, of which a client
 *   is made and closed
 * @throws TypeError that names the option and the accepted form
 */
export class RedisStorage implements DpopStorage {
  readonly shared = true;
  readonly replayStore: RedisReplayStore;
  readonly nonceSecrets: RedisNonceSecrets;
  readonly #connection: RedisConnection;
  readonly #keyPrefix: string;

  constructor(source: RedisSource, options: RedisStorageOptions = {}) {
    assertObject(options, 'RedisStorage options');
    assertKnownNames(options, 'RedisStorage options', [
      'keyPrefix',
      'deadlineMs',
      'afterDataLoss',
      'nonceRotationSeconds',
      'clock',
    ]);
    const {
      keyPrefix = 'dpop:',
      deadlineMs = 250,
      afterDataLoss = 'challenge',
    } = options as RedisStorageOptions;
    const { nonceRotationSeconds = DAY_SECONDS, clock = systemClock } = options as RedisStorageOptions;
    // A brace would be taken for a hash tag, and pin all keys to one slot of a cluster.
    if (typeof keyPrefix !== 'string' || /[{}]/.test(keyPrefix)) fail('keyPrefix', 'a string without braces');
    assertInteger(deadlineMs, 'deadlineMs', 1, 60_000);
    assertOneOf(afterDataLoss, 'afterDataLoss', ['challenge', 'accept']);
    // Three secrets are kept, and the oldest must outlive every nonce it signed.
    assertInteger(nonceRotationSeconds, 'nonceRotationSeconds', DAY_SECONDS / 2, 365 * DAY_SECONDS);
    assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch');
    this.#keyPrefix = keyPrefix;
    this.#connection = new RedisConnection(source, deadlineMs);
    const secrets = new RedisNonceSecrets(this.#connection, keyPrefix, nonceRotationSeconds, clock);
    // At once, lest an instance that starts just then make secrets of its own.
    const restoreSecrets = () => void secrets.refresh();
    this.replayStore = new RedisReplayStore(this.#connection, {
      keyPrefix,
      afterDataLoss,
      deadlineMs,
      clock,
      onLoss: restoreSecrets,
    });
    this.nonceSecrets = secrets;
  }

  /**
   * Begins the connection. A service starts without Redis; what is wrong with it is told.
   *
   * @throws Error when Redis hides what a loss of data is noticed by
   */
  async open(warn: (text: string) => void = () => {}): Promise<void> {
    await this.#connection.open();
    await this.nonceSecrets.open();
    await Promise.all([
      inspectRedis(this.#connection, this.#keyPrefix, warn),
      this.replayStore.refreshEpochs(),
    ]);
  }

  /** @throws Error when Redis does not answer within the deadline, or the nonce secrets have not been read yet */
  async ping(): Promise<void> {
    await Promise.all([this.replayStore.ping(), this.nonceSecrets.ping()]);
  }

  async close(): Promise<void> {
    this.nonceSecrets.close();
    await this.#connection.close();
  }
}
