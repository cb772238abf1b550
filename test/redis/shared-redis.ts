import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';

/** A Redis that need not fail: that of `REDIS_URL`, of which only keys of our own are touched, or a private one. */
export class SharedRedis {
  /** What all keys of the test begin with. */
  readonly keyPrefix = `dpop-test-${randomUUID()}:`;

  private constructor(
    readonly url: string,
    private readonly end: () => Promise<void>,
  ) {}

  static async open(): Promise<SharedRedis> {
    const { REDIS_URL: url } = process.env;
    if (url !== undefined && url !== '') return new SharedRedis(url, () => Promise.resolve());
    const { RedisServer } = await import('./redis-server.js');
    const server = await RedisServer.start();
    return new SharedRedis(server.url, () => server.close());
  }

  /** The names of the test's keys. */
  async keys(prefix: string = this.keyPrefix): Promise<readonly string[]> {
    const client = new Redis(this.url);
    const names: string[] = [];
    for await (const found of client.scanStream({ match: `${prefix}*`, count: 1000 })) {
      names.push(...(found as string[]));
    }
    await client.quit();
    return names;
  }

  /** As if it had been flushed, and nobody's connection were lost. */
  async lose(prefix: string): Promise<void> {
    const names = await this.keys(prefix);
    const client = new Redis(this.url);
    if (names.length > 0) await client.unlink(...names);
    await client.quit();
  }

  async close(): Promise<void> {
    await this.lose(this.keyPrefix);
    await this.end();
  }
}
