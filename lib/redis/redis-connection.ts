import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { Deadlines } from '../runtime/deadlines.js';
import type { RedisScript } from './redis-script.js';
import { createClient, isClient, type RedisSource } from './redis-source.js';

/** Between two tries of one command. */
const RETRY_PAUSE_MS = 20;
/** Commands under way that nobody waits for any more, on a client that hangs; beyond it, none is sent. */
const MAX_UNANSWERED = 10_000;
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
  readonly #listeners: (readonly [event: string, listener: (value: unknown) => void])[] = [];
  /** Since the last answer: why there is no connection, if there is none. */
  #lastError: unknown;

  constructor(source: RedisSource, deadlineMs: number) {
    this.#owned = !isClient(source);
    this.#client = isClient(source) ? source : createClient(source, deadlineMs);
    this.#deadlineMs = deadlineMs;
    this.#deadlines = new Deadlines(deadlineMs);
    // Without a listener ioredis prints each error, also after the end.
    if (this.#owned) this.#client.on('error', () => {});
    this.#listen('error', (error) => (this.#lastError = error));
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
    for (const event of ['ready', '+node']) this.#listen(event, listener);
  }

  #listen(event: string, listener: (value: unknown) => void): void {
    this.#client.on(event, listener);
    this.#listeners.push([event, listener]);
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
    if (!this.isReady) throw new Error('Redis is not connected', { cause: this.#lastError });
    for (;;) {
      try {
        const reply = await this.#run(script, keys, args);
        this.#lastError = undefined;
        return reply;
      } catch (error) {
        if (isAnswer(error)) {
          // It may be why the client leaves this server.
          this.#lastError = error;
          throw error;
        }
        if (performance.now() + RETRY_PAUSE_MS > dueMs) throw connectionLost(this.#lastError ?? error);
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

function connectionLost(cause: unknown): Error {
  return new Error('Redis is not connected any more', { cause });
}

/** Whether the server itself said no, which asking again does not change. */
function isAnswer(error: unknown): error is Error {
  return (error as Error | undefined)?.name === 'ReplyError';
}
