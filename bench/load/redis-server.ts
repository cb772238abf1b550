import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** A private Redis on loopback that writes nothing to disk. */
export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await findFreePort();
  const nothingOnDisk = ['--save', '', '--appendonly', 'no', '--dir', tmpdir()];
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', ...nothingOnDisk, '--loglevel', 'warning'],
    { stdio: 'ignore' },
  );
  await Promise.race([waitUntilReady(port), failure(server)]);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      server.removeAllListeners('exit');
      const exited = once(server, 'exit');
      server.kill();
      await exited;
    },
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function waitUntilReady(port: number): Promise<void> {
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {});
  await client.ping();
  client.disconnect();
  await pause(0);
}

async function failure(server: ChildProcess): Promise<never> {
  const failed = new Promise<never>((_, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`redis-server ended with ${String(code)}`)));
  });
  return await failed;
}
