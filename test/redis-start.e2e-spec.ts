import { hash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { NO_EPOCH } from '../lib/nonce/stateless-nonce.service.js';
import { RedisStorage } from '../lib/redis/index.js';
import { RedisServer } from './redis/redis-server.js';
import { until } from './redis/until.js';

/** Well before the ring would be read anew anyway, which is every 15 seconds. */
const TRIES = 300;

const DEADLINE_MS = 50;
const PATIENT_DEADLINE_MS = 1000;

describe('an instance for which Redis was too slow at its start', () => {
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
    storage = new RedisStorage(client, { deadlineMs: DEADLINE_MS });
    await storage.open();
  });

  afterEach(async () => {
    await server?.command('CLIENT', 'UNPAUSE');
    await storage.close();
    client.disconnect();
  });

  test('is not healthy before it knows the nonce secrets, and is as soon as it does (E5)', async () => {
    await expect(storage.ping()).rejects.toThrow();
    await server?.command('CLIENT', 'UNPAUSE');
    await until('the storage is healthy', () => storage.ping().then(() => true));
    expect(storage.nonceSecrets.secrets()).toHaveLength(1);
  });

  test('reads the nonce secrets without being asked (E5)', async () => {
    expect(() => storage.nonceSecrets.secrets()).toThrow('cannot be verified at the moment');
    await server?.command('CLIENT', 'UNPAUSE');
    await until('the secrets are known', () => storage.nonceSecrets.secrets().length === 1, TRIES);
  });

  test('once healthy, it hands out nonces that prove a proof to be new (F6)', async () => {
    const jkt = hash('sha256', 'a key', 'base64url');
    expect(storage.replayStore.epochOf(jkt)).toBe(NO_EPOCH);
    await server?.command('CLIENT', 'UNPAUSE');
    await until('the storage is healthy', () => storage.ping().then(() => true));
    expect(storage.replayStore.epochOf(jkt)).not.toBe(NO_EPOCH);
  });

  test('takes an answer that came in time, also where this process was held up beyond the deadline (F5)', async () => {
    await server?.command('CLIENT', 'UNPAUSE');
    // Long enough for whatever a busy machine needs besides the hold-up.
    const patient = new RedisStorage(client, { deadlineMs: PATIENT_DEADLINE_MS });
    await patient.open();
    await patient.ping();
    const pinged = patient.ping();
    holdUp(PATIENT_DEADLINE_MS + 100);
    await expect(pinged).resolves.toBeUndefined();
    await patient.close();
  });
});

describe('what an instance finds at its start', () => {
  let server: RedisServer | undefined;
  let storage: RedisStorage;

  beforeEach(async () => {
    server = await RedisServer.start();
    storage = new RedisStorage(server.url, { deadlineMs: 10_000 });
  });

  afterEach(async () => {
    await storage.close();
    await server?.close();
  });

  test.each([
    ['noeviction', []],
    ['volatile-lru', [expect.stringContaining('noeviction')]],
    ['allkeys-random', [expect.stringContaining('noeviction')]],
  ])('a Redis that may drop records is told of: maxmemory-policy %s (F4)', async (policy, expected) => {
    await server?.command('CONFIG', 'SET', 'maxmemory-policy', policy);
    const warnings: string[] = [];
    await storage.open((text) => warnings.push(text));
    expect(warnings).toEqual(expected);
  });

  test.each(['', 'nonsense', '12.tooshort'])(
    'a ring that nobody can read is replaced: %j (E5)',
    async (ring) => {
      await server?.command('SET', 'dpop:nonce-secrets', ring);
      await storage.open();
      expect(storage.nonceSecrets.secrets()).toHaveLength(1);
      const other = new RedisStorage(server?.url ?? '', { deadlineMs: 10_000 });
      await other.open();
      expect(other.nonceSecrets.secrets()).toEqual(storage.nonceSecrets.secrets());
      await other.close();
    },
  );
});

/** As a long computation would: nothing that waits in this process gets on. */
function holdUp(milliseconds: number): void {
  const untilMs = performance.now() + milliseconds;
  while (performance.now() < untilMs);
}
