import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStorage } from '../lib/redis/index.js';
import { RedisServer } from './redis/redis-server.js';
import { until } from './redis/until.js';

/** Well before the ring would be read anew anyway, which is every 15 seconds. */
const TRIES = 300;

describe('E5 a start at which Redis was too slow to tell the nonce secrets', () => {
  let server: RedisServer | undefined;
  let client: Redis;
  let storage: RedisStorage;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterAll(() => server?.close());

  beforeEach(async () => {
    await server?.command('CLIENT', 'PAUSE', '60000', 'WRITE');
    // Connected before, and left connected: no reconnection makes up for what the start has missed.
    client = new Redis(server?.url ?? '');
    await once(client, 'ready');
    storage = new RedisStorage(client, { deadlineMs: 50 });
    await storage.open();
  });

  afterEach(async () => {
    await server?.command('CLIENT', 'UNPAUSE');
    await storage.close();
    client.disconnect();
  });

  test('is not healthy before they are known, and is as soon as they are', async () => {
    await expect(storage.ping()).rejects.toThrow();
    await server?.command('CLIENT', 'UNPAUSE');
    await until('the storage is healthy', () => storage.ping().then(() => true));
    expect(storage.nonceSecrets.secrets()).toHaveLength(1);
  });

  test('is made up for without being asked', async () => {
    expect(() => storage.nonceSecrets.secrets()).toThrow('cannot be verified at the moment');
    await server?.command('CLIENT', 'UNPAUSE');
    await until('the secrets are known', () => storage.nonceSecrets.secrets().length === 1, TRIES);
  });
});
