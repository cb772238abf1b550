import type { RedisClusterSource } from '../../lib/redis/index.js';
import { RedisServer } from './redis-server.js';
import { until } from './until.js';

const SLOTS = 16_384;

/** A Cluster of one master with all slots: it refuses keys of several slots like any other, and starts in seconds. */
export class SingleNodeCluster {
  private constructor(readonly server: RedisServer) {}

  static async start(): Promise<SingleNodeCluster> {
    const server = await RedisServer.start({
      settings: [
        ['cluster-enabled', 'yes'],
        ['cluster-announce-ip', '127.0.0.1'],
      ],
    });
    await server.command('CLUSTER', 'ADDSLOTS', ...Array.from({ length: SLOTS }, (_, slot) => String(slot)));
    await until('the cluster is whole', async () =>
      String(await server.command('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    );
    return new SingleNodeCluster(server);
  }

  get source(): RedisClusterSource {
    return { nodes: [{ host: '127.0.0.1', port: this.server.port }] };
  }

  async close(): Promise<void> {
    await this.server.close();
  }
}
