import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Cluster } from 'ioredis';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import { NO_EPOCH } from '../nonce/stateless-nonce.service.js';
import type { ReplayClaim } from '../storage/replay.store.js';
import { RedisConnection } from './redis-connection.js';
import { RedisReplayStore, type RedisReplayStoreOptions } from './redis-replay.store.js';
import type { RedisSource } from './redis-source.js';

const DEADLINE_MS = 10_000;
const NOW = 1_700_000_000;
const EPOCH = /^[\w-]{8}$/;

/** The client of a partition. */
const clientOf = (partition: number) => Buffer.from([partition, ...Buffer.alloc(31)]).toString('base64url');
const ledgerOf = (partition: number) => `dpop:{${partition}}:ledger`;

/** Notes the first key of each call, and fails those that a test chooses. */
class WatchedConnection extends RedisConnection {
  readonly asked: string[] = [];
  readonly args: unknown[] = [];
  mustFail: (key: string) => boolean = () => false;
  hasOddReplies = false;

  override async evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>) {
    const [key = ''] = keys;
    this.asked.push(key);
    this.args.push(...args);
    if (this.mustFail(key)) throw new Error('a node that is not connected yet');
    return this.hasOddReplies ? null : await super.evaluate(script, keys, args);
  }
}

let server: RedisServer;
let connection: WatchedConnection;
let losses: number;
let store: RedisReplayStore;

beforeAll(async () => {
  server = await RedisServer.start();
}, 30_000);
beforeEach(async () => {
  await server.command('FLUSHALL');
});
afterEach(() => connection.close());
afterAll(() => server.close());

/** Not opened: nothing has been read. */
function create(source: RedisSource = server.url, options: Partial<RedisReplayStoreOptions> = {}) {
  losses = 0;
  connection = new WatchedConnection(source, DEADLINE_MS);
  store = new RedisReplayStore(connection, {
    keyPrefix: 'dpop:',
    afterDataLoss: 'challenge',
    deadlineMs: 123,
    clock: () => NOW * 1000 - 999,
    onLoss: () => (losses += 1),
    ...options,
  });
}

/** Ready, and all epochs have been read. */
async function open(options: Partial<RedisReplayStoreOptions> = {}): Promise<void> {
  create(server.url, options);
  await connection.open();
  await store.refreshEpochs();
  connection.asked.length = 0;
}

const claimOf = (partition: number, changes: Partial<ReplayClaim> = {}): ReplayClaim => ({
  id: hash('sha256', `a claim of ${partition}`, 'base64url'),
  jkt: clientOf(partition),
  nowSeconds: NOW,
  proofTimeSeconds: NOW,
  freshUntilSeconds: NOW + 60,
  lifetimeSeconds: 90,
  epoch: undefined,
  ...changes,
});

const epochs = () => Array.from({ length: 256 }, (_, partition) => store.epochOf(clientOf(partition)));

describe('the epochs that an instance knows (F6)', () => {
  test('are none before it has read them, and are read with each new connection', async () => {
    create();
    expect(new Set(epochs())).toEqual(new Set([NO_EPOCH]));
    await connection.open();
    await until('they are read', () => !epochs().includes(NO_EPOCH));
    expect(epochs().every((epoch) => EPOCH.test(epoch))).toBe(true);
    await store.refreshEpochs();
    const before = epochs();
    await server.command('FLUSHALL');
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('they are read anew', () => epochs().every((epoch, index) => epoch !== before[index]));
  });

  test('are read with one call for each partition, the first of which brings the script', async () => {
    await open();
    await store.refreshEpochs();
    expect(connection.asked).toEqual(Array.from({ length: 257 }, (_, n) => ledgerOf(n === 0 ? 0 : n - 1)));
    expect(connection.args.every((now) => now === NOW)).toBe(true);
  });

  test('are read once, however often that is asked for at once, and again after it', async () => {
    await open();
    const refresh = store.refreshEpochs();
    expect(store.refreshEpochs()).toBe(refresh);
    await refresh;
    expect(connection.asked).toHaveLength(257);
    await store.refreshEpochs();
    expect(connection.asked).toHaveLength(2 * 257);
  });

  test('of partitions that do not answer are asked for again, three times in all', async () => {
    await open();
    const failing = new Map([
      [ledgerOf(1), 1],
      [ledgerOf(2), 2],
      [ledgerOf(3), 99],
    ]);
    connection.mustFail = (key) => {
      const left = failing.get(key) ?? 0;
      failing.set(key, left - 1);
      return left > 0;
    };
    const before = epochs();
    await server.command('FLUSHALL');
    await store.refreshEpochs();
    expect(connection.asked.slice(257)).toEqual([1, 2, 3, 2, 3].map(ledgerOf));
    const same = epochs().flatMap((epoch, partition) => (epoch === before[partition] ? [partition] : []));
    expect(same).toEqual([3]);
  });

  test('are not asked for again where no partition answers', async () => {
    await open();
    connection.mustFail = (key) => key !== ledgerOf(0) || connection.asked.length > 1;
    await store.refreshEpochs();
    expect(connection.asked).toHaveLength(257);
  });

  test('are not asked for where the first does not answer, but in a Cluster', async () => {
    await open();
    connection.mustFail = () => true;
    await store.refreshEpochs();
    expect(connection.asked).toEqual([ledgerOf(0)]);
    await connection.close();
    create(new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }));
    await store.refreshEpochs();
    expect(connection.asked).toHaveLength(257);
  });

  test('are not taken from a reply that is none', async () => {
    await open();
    const before = epochs();
    connection.hasOddReplies = true;
    await store.refreshEpochs();
    await store.refreshEpoch(clientOf(5));
    expect(epochs()).toEqual(before);
    expect(losses).toBe(0);
  });

  test('of one client are read before it is challenged, and a failure changes nothing', async () => {
    await open();
    const before = store.epochOf(clientOf(5));
    await store.refreshEpoch(clientOf(5));
    expect(connection.asked).toEqual([ledgerOf(5)]);
    expect(losses).toBe(0);
    await server.command('DEL', ledgerOf(5));
    connection.mustFail = () => true;
    await store.refreshEpoch(clientOf(5));
    expect([store.epochOf(clientOf(5)), losses]).toEqual([before, 0]);
    connection.mustFail = () => false;
    await store.refreshEpoch(clientOf(5));
    expect(store.epochOf(clientOf(5))).not.toBe(before);
    expect(losses).toBe(1);
    await store.refreshEpochs();
  });
});

describe('a loss (F6)', () => {
  test('that a claim finds is told, and all partitions are read', async () => {
    await open();
    const before = epochs();
    await server.command('FLUSHALL');
    expect(await store.claim(claimOf(9, { epoch: store.epochOf(clientOf(9)) }))).toBe('unknown');
    expect(losses).toBe(1);
    expect(store.epochOf(clientOf(9))).not.toBe(before[9]);
    await store.refreshEpochs();
    expect(epochs().every((epoch, partition) => epoch !== before[partition])).toBe(true);
    expect(await store.claim(claimOf(9))).toBe('unknown');
    expect(losses).toBe(1);
    expect(await store.claim(claimOf(9, { epoch: store.epochOf(clientOf(9)) }))).toBe('first');
  });

  test('need not be told to anyone', async () => {
    await open();
    const quiet = new RedisReplayStore(connection, {
      keyPrefix: 'dpop:',
      afterDataLoss: 'challenge',
      deadlineMs: 1,
      clock: () => NOW * 1000,
    });
    await server.command('FLUSHALL');
    expect(await quiet.claim(claimOf(9))).toBe('unknown');
    await quiet.refreshEpochs();
  });

  test('is accepted where the operator says so, but not for a ticket', async () => {
    await open({ afterDataLoss: 'accept' });
    expect(await store.claim(claimOf(9, { afterDataLoss: 'refuse' }))).toBe('unknown');
    expect(await store.claim(claimOf(9))).toBe('first');
    expect(await store.claim(claimOf(9, { afterDataLoss: 'refuse' }))).toBe('replayed');
  });

  test('a nonce of an instance that had read nothing proves nothing', async () => {
    await open();
    expect(await store.claim(claimOf(9, { epoch: NO_EPOCH }))).toBe('unknown');
    expect(losses).toBe(0);
  });
});

describe('the health of the store (F5)', () => {
  test('asks one partition, and all as long as one is not known', async () => {
    await open();
    await store.ping();
    expect(connection.asked).toEqual([ledgerOf(0)]);
    await connection.close();
    create();
    await connection.open();
    connection.asked.length = 0;
    await store.ping();
    expect(epochs()).not.toContain(NO_EPOCH);
  });

  test('is that of Redis', async () => {
    await open();
    connection.mustFail = () => true;
    await expect(store.ping()).rejects.toThrow('a node that is not connected yet');
  });

  test('a claim that fails says why, and within what time it is answered', async () => {
    await open();
    expect(store.deadlineMs).toBe(123);
    connection.mustFail = () => true;
    await expect(store.claim(claimOf(9))).rejects.toMatchObject({
      reason: 'replay_store_unavailable',
      advice: 'Redis cannot be reached',
      cause: { message: 'a node that is not connected yet' },
    });
    connection.mustFail = () => false;
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await expect(store.claim(claimOf(9))).rejects.toMatchObject({
        reason: 'replay_store_full',
        advice: expect.stringContaining('Redis has reached maxmemory') as unknown,
      });
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
    }
  });
});
