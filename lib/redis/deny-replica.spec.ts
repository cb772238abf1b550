import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { HandClock } from '../../test/support/hand-clock.js';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import type { DenyRecord } from '../revocation/deny-record.js';
import { DenyRecords } from '../revocation/deny-records.js';
import { DenyLog, formatDenyLogValue, PAGE_SIZE } from './deny-log.js';
import { DenyReplica } from './deny-replica.js';
import { RedisConnection } from './redis-connection.js';

const MAX_ENTRIES = 100;

let server: RedisServer;
let redis: Redis;
let connection: RedisConnection;
let key: string;
let clock: HandClock;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.url);
  connection = new RedisConnection(server.url, 10_000);
  await connection.open();
}, 30_000);
beforeEach(() => {
  key = `${randomUUID()}:deny-list`;
  clock = new HandClock();
});
afterEach(() => void jest.restoreAllMocks());
afterAll(async () => {
  await connection.close();
  redis.disconnect();
  await server.close();
});

/** The copy of one process. */
function create(through = connection) {
  const records = new DenyRecords(3600);
  const replica = new DenyReplica(new DenyLog(through, key), records, clock.read);
  const names = () => [...records.values()].map((record) => record.key.replace(/_+$/, '')).toSorted();
  return { records, replica, names };
}

function recordOf(name: string, changes: Partial<DenyRecord> = {}): DenyRecord {
  const nowSeconds = clock.ms / 1000;
  return {
    key: name.padEnd(43, '_'),
    tag: 5,
    issuedBefore: nowSeconds,
    endsAtSeconds: nowSeconds + 600,
    ...changes,
  };
}

async function inRedis(): Promise<readonly string[]> {
  const entries = await redis.xrange(key, '-', '+');
  return entries.map(([, fields]) => fields[1]?.slice(13).split('_')[0] ?? '');
}

const writeBack = ({ replica }: ReturnType<typeof create>) => replica.writeBack(() => replica.read());

describe('a record that this process adds (B9)', () => {
  test('is known here at once, and to others when they have read it', async () => {
    const [one, other] = [create(), create()];
    const adding = one.replica.add(recordOf('a'), MAX_ENTRIES);
    expect(one.names()).toEqual(['a']);
    expect(await adding).toBe(true);
    expect(other.names()).toEqual([]);
    await other.replica.read();
    expect(other.names()).toEqual(['a']);
  });

  test('is written with what an earlier one of the same key covers beyond it', async () => {
    const { replica } = create();
    const { issuedBefore, endsAtSeconds } = recordOf('a');
    await replica.add(recordOf('a', { endsAtSeconds: endsAtSeconds + 50 }), MAX_ENTRIES);
    await replica.add(recordOf('a', { issuedBefore: issuedBefore + 5 }), MAX_ENTRIES);
    const late = create();
    await redis.xdel(key, (await redis.xrange(key, '-', '+'))[0]?.[0] ?? '');
    await late.replica.read();
    expect([...late.records.values()]).toEqual([
      recordOf('a', { issuedBefore: issuedBefore + 5, endsAtSeconds: endsAtSeconds + 50 }),
    ]);
  });

  test('for which there is no room in Redis is not written later, and stays here', async () => {
    const one = create();
    await one.replica.add(recordOf('a'), 1);
    expect(await one.replica.add(recordOf('b'), 1)).toBe(false);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(false);
    expect(one.names()).toEqual(['a', 'b']);
  });

  test('that Redis has lost is written later although there is no room for another of its key', async () => {
    const one = create();
    await one.replica.add(recordOf('b'), 5);
    await redis.del(key);
    await redis.xadd(key, '*', 'r', formatDenyLogValue(recordOf('c')));
    await one.replica.add(recordOf('b', { issuedBefore: 0 }), 1);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(true);
  });

  test('is not shared before it was read: a master that acknowledged it may have lost it', async () => {
    const one = create();
    await one.replica.read();
    await one.replica.add(recordOf('a'), MAX_ENTRIES);
    await redis.del(key);
    expect(one.replica.isMissingAny).toBe(false);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(true);
    expect(await writeBack(one)).toBe(1);
    expect(one.replica.isMissingAny).toBe(false);
    expect(await inRedis()).toEqual(['a']);
    await redis.del(key);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(true);
  });

  test('is not shared by one that covers less of it', async () => {
    const one = create();
    const { issuedBefore } = recordOf('a');
    await one.replica.add(recordOf('a'), MAX_ENTRIES);
    await redis.del(key);
    await redis.xadd(key, '*', 'r', formatDenyLogValue(recordOf('a', { issuedBefore: issuedBefore - 5 })));
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(true);
    expect(await writeBack(one)).toBe(1);
    const late = create();
    await late.replica.read();
    expect([...late.records.values()]).toEqual([recordOf('a')]);
  });
});

describe('what Redis has lost (B9)', () => {
  test('is all in doubt, but for what it still has', async () => {
    const one = create();
    for (const name of ['a', 'b', 'c']) await one.replica.add(recordOf(name), MAX_ENTRIES);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(false);
    await redis.del(key);
    await redis.xadd(key, '*', 'r', formatDenyLogValue(recordOf('b')));
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(true);
    expect(await writeBack(one)).toBe(2);
    expect(await inRedis()).toEqual(['b', 'a', 'c']);
    expect(one.replica.isMissingAny).toBe(false);
    expect(await writeBack(one)).toBe(0);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(false);
  });

  test('is written back by one of the processes that have it', async () => {
    const fleet = [create(), create()] as const;
    await fleet[0].replica.add(recordOf('a'), MAX_ENTRIES);
    for (const { replica } of fleet) await replica.read();
    await redis.del(key);
    for (const { replica } of fleet) await replica.read();
    expect(await writeBack(fleet[0])).toBe(1);
    expect(await writeBack(fleet[1])).toBe(0);
    expect(await inRedis()).toEqual(['a']);
  });

  test('is written back by as many records as a page has', async () => {
    const one = create();
    const count = PAGE_SIZE + 1;
    for (let n = 0; n < count; n += 1) one.records.add(recordOf(`n${n}`));
    await one.replica.add(recordOf('last'), MAX_ENTRIES);
    await one.replica.read();
    await redis.del(key);
    await one.replica.read();
    let readings = 0;
    const written = await one.replica.writeBack(async () => {
      readings += 1;
      if (readings === 1) expect(await redis.xlen(key)).toBe(PAGE_SIZE);
      await one.replica.read();
    });
    expect([written, readings]).toEqual([count + 1, 2]);
    expect(await redis.xlen(key)).toBe(count + 1);
  });

  test('is not written back when it has ended', async () => {
    const one = create();
    const { endsAtSeconds } = recordOf('a');
    await one.replica.add(recordOf('a'), MAX_ENTRIES);
    await one.replica.add(recordOf('b', { endsAtSeconds: endsAtSeconds + 1 }), MAX_ENTRIES);
    await one.replica.read();
    await redis.del(key);
    await one.replica.read();
    clock.advanceSeconds(600);
    expect(await writeBack(one)).toBe(1);
    expect(await inRedis()).toEqual(['b']);
    await redis.del(key);
    await one.replica.read();
    clock.advanceSeconds(1);
    expect(await writeBack(one)).toBe(0);
    expect(one.replica.isMissingAny).toBe(false);
  });

  test('is forgotten once it has ended and was dropped here', async () => {
    const one = create();
    await one.replica.add(recordOf('a'), MAX_ENTRIES);
    await redis.del(key);
    clock.advanceSeconds(600);
    await one.replica.read();
    expect(one.records.size).toBe(0);
    expect(one.replica.isMissingAny).toBe(true);
    expect(await writeBack(one)).toBe(0);
    expect(one.replica.isMissingAny).toBe(false);
    await one.replica.read();
    expect(one.replica.isMissingAny).toBe(false);
  });

  test('is tried 200 times in one write-back, and then with the next reading', async () => {
    const [one, other] = [create(), create()];
    await one.replica.add(recordOf('a'), MAX_ENTRIES);
    await redis.del(key);
    await one.replica.read();
    let readings = 0;
    const written = await one.replica.writeBack(async () => {
      readings += 1;
      // Another entry, which this process does not read: its next append is not after the newest.
      await other.replica.add(recordOf(`other ${readings}`), 1000);
    });
    expect(readings).toBe(200);
    expect(written).toBe(1);
    expect(one.replica.isMissingAny).toBe(true);
  });
});

describe('the age of the copy (B9)', () => {
  test('counts from when the last reading was begun, by the clock', async () => {
    const { replica } = create();
    expect(replica.isFresh(1e12)).toBe(false);
    await replica.read();
    expect(replica.isFresh(60_000)).toBe(true);
    clock.ms += 60_000;
    expect(replica.isFresh(60_000)).toBe(true);
    clock.ms += 1;
    expect(replica.isFresh(60_000)).toBe(false);
    await replica.read();
    expect(replica.isFresh(60_000)).toBe(true);
  });

  test('counts by the steady clock too', async () => {
    const { replica } = create();
    const measured = jest.spyOn(performance, 'now').mockReturnValue(1000);
    await replica.read();
    clock.advanceSeconds(-3600);
    measured.mockReturnValue(6000.5);
    expect(replica.isFresh(5000.5)).toBe(true);
    expect(replica.isFresh(5000.4)).toBe(false);
  });

  test('is that of the copy before when a reading fails', async () => {
    const own = new RedisConnection(server.url, 10_000);
    await own.open();
    const { replica } = create(own);
    await replica.read();
    clock.ms += 1000;
    await own.close();
    await until('the connection has ended', () => !own.isReady);
    await expect(replica.read()).rejects.toThrow();
    expect(replica.isFresh(999)).toBe(false);
    expect(replica.isFresh(60_000)).toBe(true);
  });

  test('begins with the last page, and what has ended is then dropped', async () => {
    const one = create();
    one.records.add(recordOf('ended', { endsAtSeconds: clock.ms / 1000 }));
    const pipeline = redis.pipeline();
    for (let n = 0; n < PAGE_SIZE + 1; n += 1)
      pipeline.xadd(key, '*', 'r', formatDenyLogValue(recordOf(`n${n}`)));
    await pipeline.exec();
    await one.replica.read();
    expect(one.records.size).toBe(PAGE_SIZE + 1);
    expect(one.names()).not.toContain('ended');
  });
});
