import type { RedisOptions } from 'ioredis';
import { RedisServer } from './redis-server.js';
import { until } from './until.js';

const NAME = 'fleet';
const SENTINELS = 3;

/** A master, a replica and three sentinels. */
export class SentinelGroup {
  private constructor(
    readonly master: RedisServer,
    readonly replica: RedisServer,
    readonly sentinels: readonly RedisServer[],
  ) {}

  static async start(): Promise<SentinelGroup> {
    const settings = [['repl-diskless-sync-delay', '0']];
    const master = await RedisServer.start({ settings });
    const replica = await RedisServer.start({
      settings: [...settings, ['replicaof', '127.0.0.1', String(master.port)]],
    });
    await until('the replica follows', async () =>
      String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
    );
    const watch = [
      ['sentinel', 'monitor', NAME, '127.0.0.1', String(master.port), '2'],
      ['sentinel', 'down-after-milliseconds', NAME, '500'],
      ['sentinel', 'failover-timeout', NAME, '2000'],
    ];
    const sentinels = await Promise.all(
      Array.from({ length: SENTINELS }, () => RedisServer.start({ settings: watch, isSentinel: true })),
    );
    const group = new SentinelGroup(master, replica, sentinels);
    for (const sentinel of sentinels) {
      await until('a sentinel knows the others and the replica', async () => {
        const others = (await sentinel.command('SENTINEL', 'sentinels', NAME)) as unknown[];
        const replicas = (await sentinel.command('SENTINEL', 'replicas', NAME)) as unknown[];
        return others.length === SENTINELS - 1 && replicas.length === 1;
      });
    }
    return group;
  }

  /** What a client is made with. */
  get options(): RedisOptions {
    return { name: NAME, sentinels: this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.sentinels, this.replica, this.master].map((server) => server.close()));
  }
}
