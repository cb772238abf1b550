import { Redis, type RedisOptions } from 'ioredis';
import { RedisConnection } from '../../lib/redis/redis-connection.js';
import type { RedisSource } from '../../lib/redis/redis-source.js';
import { RedisServer } from './redis-server.js';

const DEADLINE_MS = 10_000;

type ClientOptions = Pick<
  RedisOptions,
  'lazyConnect' | 'autoResendUnfulfilledCommands' | 'maxRetriesPerRequest'
>;

/** A private Redis, and the connections and clients that a test opens to it. */
export class ConnectionScene {
  readonly #opened: { close(): unknown }[] = [];

  private constructor(readonly server: RedisServer) {}

  static async open(): Promise<ConnectionScene> {
    return new ConnectionScene(await RedisServer.start());
  }

  /** Closes it after the test. */
  keep(resource: { close(): unknown }): void {
    this.#opened.push(resource);
  }

  /** Not opened. */
  connectionTo(source: RedisSource, deadlineMs = DEADLINE_MS): RedisConnection {
    const connection = new RedisConnection(source, deadlineMs);
    this.keep(connection);
    return connection;
  }

  async connect(source: RedisSource = this.server.url, deadlineMs?: number): Promise<RedisConnection> {
    const connection = this.connectionTo(source, deadlineMs);
    await connection.open();
    return connection;
  }

  /** A client of the app's own. */
  borrow(options: ClientOptions = {}, port = this.server.port): Redis {
    const client = new Redis({ ...options, host: '127.0.0.1', port });
    client.on('error', () => {});
    this.keep({ close: () => client.disconnect() });
    return client;
  }

  /** Closes what the test opened. */
  async clear(): Promise<void> {
    for (const resource of this.#opened.splice(0).toReversed()) await resource.close();
  }
}

/** @throws Error if the work does not fail */
export async function errorOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
}
