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
  /** Prefix of all keys, default `dpop:`. Use one prefix for each service. */
  readonly keyPrefix?: string;
  /** How long Redis may take to answer, in milliseconds, default 250. After that the service answers 503. */
  readonly deadlineMs?: number;
  /**
   * What happens to proofs that may have been used before Redis lost records. `challenge` (the default) demands a nonce,
   * so that no proof is accepted twice. `accept` accepts them.
   */
  readonly afterDataLoss?: 'challenge' | 'accept';
  /** How often the nonce secret rotates, in seconds, default a day. */
  readonly nonceRotationSeconds?: number;
  /** Returns milliseconds since the Unix epoch, default `Date.now`. For tests. */
  readonly clock?: Clock;
}

const DAY_SECONDS = 86_400;

/**
 * Replay records and nonce secrets of a fleet in Redis 6.2 or later, or Valkey: standalone, with Sentinel, or a Cluster.
 *
 * @example
 * ```ts
 * DpopModule.forRoot({ …, storage: new RedisStorage('redis://localhost:6379') });
 * ```
 * @param source a URL, ioredis options or cluster nodes, from which the storage creates a client that it closes; or an
 *   ioredis client of the app, which it never closes
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
    // Redis reads braces as a hash tag, which would put all keys into one slot of a Cluster.
    if (typeof keyPrefix !== 'string' || /[{}]/.test(keyPrefix)) fail('keyPrefix', 'a string without braces');
    assertInteger(deadlineMs, 'deadlineMs', 1, 60_000);
    assertOneOf(afterDataLoss, 'afterDataLoss', ['challenge', 'accept']);
    // The ring keeps three secrets. The oldest must stay until every nonce that it signed has expired.
    assertInteger(nonceRotationSeconds, 'nonceRotationSeconds', DAY_SECONDS / 2, 365 * DAY_SECONDS);
    assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch');
    this.#keyPrefix = keyPrefix;
    this.#connection = new RedisConnection(source, deadlineMs);
    const secrets = new RedisNonceSecrets(this.#connection, keyPrefix, nonceRotationSeconds, clock);
    // At once: an instance that starts just then would otherwise create another ring.
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
   * Connects, and warns the operator about what is wrong with Redis. A service starts without Redis.
   *
   * @throws Error when Redis hides its replication id, without which a loss of data cannot be noticed
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
