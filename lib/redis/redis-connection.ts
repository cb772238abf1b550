import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { DeadlineError, Deadlines } from '../runtime/deadlines.js';
import type { RedisScript } from './redis-script.js';
import { createClient, isClient, type RedisSource } from './redis-source.js';

/** Between two attempts to run one script. */
const RETRY_PAUSE_MS = 20;
/** Commands that a hanging client has not answered; beyond this number no more is sent, so that memory stays bounded. */
const MAX_UNANSWERED = 10_000;
/** How long the start waits for the connection. After that the service starts without Redis and answers 503. */
const OPEN_MS = 2000;

/**
 * A connection to Redis that answers or fails within a deadline. ioredis alone may queue, retry or hang a command for a
 * minute, depending on its options. A client of the app is never closed.
 */
export class RedisConnection {
  readonly #client: Redis | Cluster;
  readonly #isOwnClient: boolean;
  readonly #deadlineMs: number;
  readonly #deadlines: Deadlines;
  /** A new count for each connection: a client may never settle the commands of a lost connection. */
  #unanswered = { count: 0 };
  readonly #listeners: (readonly [event: string, listener: (value: unknown) => void])[] = [];
  /** The last error since the last reply: the reason when there is no connection. */
  #lastError: unknown;

  /** @param owner what the app created with the source; errors name it */
  constructor(source: RedisSource, deadlineMs: number, owner = 'RedisStorage') {
    this.#isOwnClient = !isClient(source);
    this.#client = isClient(source) ? source : createClient(source, deadlineMs, owner);
    this.#deadlineMs = deadlineMs;
    this.#deadlines = new Deadlines(deadlineMs);
    // Without a listener ioredis prints each error, even after the connection has ended.
    if (this.#isOwnClient) this.#client.on('error', () => {});
    this.#listen('error', (error) => (this.#lastError = error));
    this.onConnected(() => (this.#unanswered = { count: 0 }));
  }

  get isCluster(): boolean {
    return this.#client.isCluster;
  }

  get isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /** Calls the listener after each new connection, because the state that was read from Redis may be out of date. */
  onConnected(listener: () => void): void {
    for (const event of ['ready', '+node']) this.#listen(event, listener);
  }

  #listen(event: string, listener: (value: unknown) => void): void {
    this.#client.on(event, listener);
    this.#listeners.push([event, listener]);
  }

  /** Connects, unless the app did. Resolves when the connection is ready, has failed once, or takes too long. */
  async open(): Promise<void> {
    const { status } = this.#client;
    if (status === 'ready' || status === 'end') return;
    const settled = new AbortController();
    const connected = status === 'wait' ? this.#client.connect() : once(this.#client, 'ready', settled);
    // A server that hangs, or sentinels out of reach, never settle the connection.
    await Promise.race([connected.catch(() => {}), pause(OPEN_MS, undefined, { ref: false })]);
    settled.abort();
  }

  /**
   * Runs a script atomically in one round trip. All keys must be in one slot.
   *
   * @throws Error when there is no connection, no reply within the deadline, or an error reply
   */
  async evaluate(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await this.#deadlines.limit((dueMs) => this.#runUntil(dueMs, script, keys, args));
    } catch (error) {
      // A client that leaves a replica, and is sent back to it, finds no time for a second reply.
      const isExplained = error instanceof DeadlineError && isReply(this.#lastError);
      throw isExplained ? connectionLost(this.#lastError) : error;
    }
  }

  async close(): Promise<void> {
    for (const [event, listener] of this.#listeners) this.#client.off(event, listener);
    if (!this.#isOwnClient || this.#client.status === 'end') return;
    const quit = this.#client.quit().catch(() => {});
    await Promise.race([quit, pause(this.#deadlineMs, undefined, { ref: false })]);
    // Needed after `quit` too: it ends the connections to the sentinels.
    this.#client.disconnect();
  }

  /** Runs the script again when its reply is lost with the connection. All scripts here can be repeated. */
  async #runUntil(
    dueMs: number,
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    // A request must not wait for a connection that may never come.
    if (!this.isReady) throw new Error('Redis is not connected', { cause: this.#lastError });
    for (;;) {
      try {
        const reply = await this.#run(script, keys, args);
        this.#lastError = undefined;
        return reply;
      } catch (error) {
        if (isReply(error)) {
          // The reply may be the reason why the client leaves this server.
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
    if (unanswered.count >= MAX_UNANSWERED) throw new Error('Redis does not answer');
    unanswered.count += 1;
    try {
      return await this.#client.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return await this.#client.eval(script.source, keys.length, ...keys, ...args);
    } finally {
      unanswered.count -= 1;
    }
  }
}

function connectionLost(cause: unknown): Error {
  return new Error('Redis is not connected any more', { cause });
}

/** Whether the server replied with an error. Another attempt does not change it. */
function isReply(error: unknown): error is Error {
  return (error as Error | undefined)?.name === 'ReplyError';
}
