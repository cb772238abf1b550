import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { Deadlines } from '../deadlines.js';
import { fail } from '../option-asserts.js';
import type { RedisScript } from './redis-script.js';

/** An ioredis client of the app's own, or how to make one: options, a URL, or the nodes of a cluster. */
export type RedisSource = Redis | Cluster | string | RedisOptions | RedisClusterSource;

export interface RedisClusterSource {
  readonly nodes: readonly ClusterNode[];
  readonly options?: ClusterOptions;
}

/** Between two tries of one command. */
const RETRY_PAUSE_MS = 20;
/** Commands under way that nobody waits for any more, on a client that hangs; beyond it, none is sent. */
const MAX_UNANSWERED = 10_000;
/** A connection that has been silent for so many deadlines is given up, and the master looked for anew. */
const SILENT_DEADLINES = 3;
/** A service starts without Redis, and answers 503 until it is there: so long the start waits. */
const OPEN_MS = 2000;

/**
 * A connection to Redis that answers or fails within a deadline of its own, whatever the settings of the client: ioredis
 * may queue, repeat or hang a command for a minute. A client that was handed in is never closed.
 */
export class RedisConnection {
  readonly #client: Redis | Cluster;
  readonly #owned: boolean;
  readonly #deadlineMs: number;
  readonly #deadlines: Deadlines;
  /** Counted anew for each connection: a client that forgets what a lost one owed would fill the count for good. */
  #unanswered = { count: 0 };
  readonly #listeners: (readonly [event: string, listener: () => void])[] = [];

  constructor(source: RedisSource, deadlineMs: number) {
    this.#owned = !isClient(source);
    this.#client = isClient(source) ? source : createClient(source, deadlineMs);
    this.#deadlineMs = deadlineMs;
    this.#deadlines = new Deadlines(deadlineMs);
    // Without a listener ioredis prints each error of an owned client; they show as failures of commands anyway.
    if (this.#owned) this.#client.on('error', () => {});
    this.onConnected(() => (this.#unanswered = { count: 0 }));
  }

  get isCluster(): boolean {
    return this.#client.isCluster;
  }

  get isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /** Calls back each time a connection has been made: what is known of the server may be out of date. */
  onConnected(listener: () => void): void {
    for (const event of ['ready', '+node']) {
      this.#client.on(event, listener);
      this.#listeners.push([event, listener]);
    }
  }

  /** Waits for the connection, and begins it if nobody did; ends when it is there, has failed once, or takes too long. */
  async open(): Promise<void> {
    const { status } = this.#client;
    if (status === 'ready' || status === 'end') return;
    const settled = new AbortController();
    const connected = status === 'wait' ? this.#client.connect() : once(this.#client, 'ready', settled);
    // A server that hangs, or sentinels out of reach, would keep it waiting for good.
    await Promise.race([connected.catch(() => {}), pause(OPEN_MS, undefined, { ref: false })]);
    settled.abort();
  }

  /**
   * Runs a script, atomically, in one round trip. All keys lie in one slot.
   *
   * @throws Error when there is no connection, no answer within the deadline, or an error
   */
  evaluate(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    return this.#deadlines.hold((dueMs) => this.#tryUntil(dueMs, script, keys, args));
  }

  async close(): Promise<void> {
    for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
    if (!this.#owned || this.#client.status === 'end') return;
    const quit = this.#client.quit().catch(() => {});
    await Promise.race([quit, pause(this.#deadlineMs, undefined, { ref: false })]);
    // Also after it quit: what watches the sentinels goes on until then.
    this.#client.disconnect();
  }

  /** A reply may be lost with its connection; scripts here may be repeated. */
  async #tryUntil(
    dueMs: number,
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    // Nobody waits for a connection that is not there.
    if (!this.isReady) throw new Error('Redis is not connected');
    for (;;) {
      try {
        return await this.#run(script, keys, args);
      } catch (error) {
        if (isAnswer(error) || performance.now() + RETRY_PAUSE_MS > dueMs) throw error;
        await pause(RETRY_PAUSE_MS);
      }
    }
  }

  async #run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const unanswered = this.#unanswered;
    if (unanswered.count >= MAX_UNANSWERED) throw new Error('Redis hangs');
    unanswered.count += 1;
    try {
      return await this.#client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isAnswer(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.#client.eval(script.source, keys.length, ...keys, ...args);
    } finally {
      unanswered.count -= 1;
    }
  }
}

/** Whether the server itself said no, which asking again does not change. */
function isAnswer(error: unknown): error is Error {
  return (error as Error | undefined)?.name === 'ReplyError';
}

function isClient(source: RedisSource): source is Redis | Cluster {
  return typeof (source as Partial<Redis> | undefined | null)?.evalsha === 'function';
}

function createClient(
  source: string | RedisOptions | RedisClusterSource,
  deadlineMs: number,
): Redis | Cluster {
  const silenceMs = SILENT_DEADLINES * deadlineMs;
  const defaults = {
    connectTimeout: 1000,
    // A server that was demoted, or a sentinel that hangs: closed soon, and the master looked for anew.
    disconnectTimeout: silenceMs,
    sentinelCommandTimeout: silenceMs,
    sentinelReconnectStrategy: () => 1000,
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    maxLoadingRetryTime: 500,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  } satisfies RedisOptions;
  const ours = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    failoverDetector: true,
    // What is asked in one turn of the event loop goes out in one write.
    enableAutoPipelining: true,
    socketTimeout: silenceMs,
  } as const satisfies RedisOptions;
  if (typeof source === 'string') return new Redis(source, { ...defaults, ...ours });
  if (typeof source !== 'object' || source === null) {
    fail('RedisStorage', 'given an ioredis client or cluster, a URL, ioredis options, or { nodes, options }');
  }
  if (!isClusterSource(source)) return new RedisOfOptions({ ...defaults, ...source, ...ours });
  const { nodes, options } = source;
  const { connectTimeout, disconnectTimeout } = defaults;
  return new ClusterOfOptions([...nodes], {
    slotsRefreshInterval: 1000,
    ...options,
    lazyConnect: true,
    enableOfflineQueue: false,
    redisOptions: {
      connectTimeout,
      disconnectTimeout,
      ...options?.redisOptions,
      socketTimeout: ours.socketTimeout,
    },
  });
}

/** The declarations of ioredis 6 tell clients apart by how they map replies, which no script here depends on. */
const RedisOfOptions = Redis as new (options: RedisOptions) => Redis;
const ClusterOfOptions = Cluster as new (nodes: ClusterNode[], options: ClusterOptions) => Cluster;

function isClusterSource(source: RedisOptions | RedisClusterSource): source is RedisClusterSource {
  return 'nodes' in source;
}
