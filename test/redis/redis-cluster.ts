import type { RedisClusterSource } from '../../lib/redis/index.js';
import { RedisServer } from './redis-server.js';
import { until } from './until.js';

const SLOTS = 16_384;
const MASTERS = 3;

/** A Cluster of three masters, each with a replica. */
export class RedisCluster {
  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(): Promise<RedisCluster> {
    const settings = [
      ['cluster-enabled', 'yes'],
      ['cluster-node-timeout', '1000'],
      ['cluster-replica-validity-factor', '0'],
      ['repl-diskless-sync-delay', '0'],
    ];
    const servers = await Promise.all(
      Array.from({ length: 2 * MASTERS }, () => RedisServer.start({ settings })),
    );
    const cluster = new RedisCluster(servers);
    await cluster.#meet();
    await cluster.#assignSlots();
    await cluster.#replicate();
    for (const server of servers) {
      await until('each node thinks well of the cluster', () => cluster.#isWhole(server));
    }
    return cluster;
  }

  get masters(): readonly RedisServer[] {
    return this.servers.slice(0, MASTERS);
  }

  get source(): RedisClusterSource {
    return { nodes: this.servers.map(({ port }) => ({ host: '127.0.0.1', port })) };
  }

  /** The master that holds most of the keys with names like this. */
  async busiestMaster(pattern: string): Promise<RedisServer> {
    const counted = this.masters.map(async (master) => {
      return { master, count: ((await master.command('KEYS', pattern)) as unknown[]).length };
    });
    return (await Promise.all(counted)).reduce((most, one) => (one.count > most.count ? one : most)).master;
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }

  async #meet(): Promise<void> {
    for (const [index, server] of this.servers.entries()) {
      await server.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    }
    for (const server of this.servers) {
      for (const { port } of this.servers) await server.command('CLUSTER', 'MEET', '127.0.0.1', String(port));
    }
    for (const server of this.servers) {
      await until('each node knows all others', async () => {
        const nodes = String(await server.command('CLUSTER', 'NODES'));
        return nodes.split('connected').length > this.servers.length && !nodes.includes('handshake');
      });
    }
  }

  async #assignSlots(): Promise<void> {
    const share = Math.ceil(SLOTS / MASTERS);
    for (const [index, master] of this.masters.entries()) {
      const slots = Array.from({ length: share }, (_, slot) => index * share + slot);
      await master.command('CLUSTER', 'ADDSLOTS', ...slots.filter((slot) => slot < SLOTS).map(String));
    }
  }

  async #replicate(): Promise<void> {
    for (const [index, master] of this.masters.entries()) {
      const id = String(await master.command('CLUSTER', 'MYID'));
      await this.servers[MASTERS + index]?.command('CLUSTER', 'REPLICATE', id);
    }
  }

  async #isWhole(server: RedisServer): Promise<boolean> {
    const state = String(await server.command('CLUSTER', 'INFO'));
    const nodes = String(await server.command('CLUSTER', 'NODES'));
    const replication = String(await server.command('INFO', 'replication'));
    const isLinked = replication.includes('role:master') || replication.includes('master_link_status:up');
    return (
      state.includes('cluster_state:ok') && nodes.match(/slave [0-9a-f]{40}/g)?.length === MASTERS && isLinked
    );
  }
}
