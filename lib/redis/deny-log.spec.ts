import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisServer } from '../../test/redis/redis-server.js';
import type { DenyRecord } from '../revocation/deny-record.js';
import { DenyLog, formatDenyLogValue, PAGE_SIZE } from './deny-log.js';
import { RedisConnection } from './redis-connection.js';

const NOW = 1_700_000_000;
const DEADLINE_MS = 10_000;
const ENDS_AT = NOW + 600;

let server: RedisServer;
let redis: Redis;
let connection: RedisConnection;
let key: string;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.url);
  connection = new RedisConnection(server.url, DEADLINE_MS);
  await connection.open();
}, 30_000);
beforeEach(() => {
  key = `${randomUUID()}:deny-list`;
});
afterAll(async () => {
  await connection.close();
  redis.disconnect();
  await server.close();
});

const open = () => new DenyLog(connection, key);

function recordOf(name: string, changes: Partial<DenyRecord> = {}): DenyRecord {
  return { key: name.padEnd(43, '_'), tag: 5, issuedBefore: NOW, endsAtSeconds: ENDS_AT, ...changes };
}

const [A, B, C] = [recordOf('a'), recordOf('b'), recordOf('c')] as const;
const page = (isContinuous: boolean, ...records: readonly DenyRecord[]) => ({
  isContinuous,
  records,
  isLast: true,
});

describe('the value of an entry', () => {
  test.each<[Partial<DenyRecord>, string]>([
    [{ tag: 0 }, `a__ 0 ${NOW} ${ENDS_AT}`],
    [{ tag: 2 ** 30 - 1 }, `a__ hra0hr ${NOW} ${ENDS_AT}`],
    [{ issuedBefore: NOW + 0.25 }, `a__ 5 ${NOW + 0.25} ${ENDS_AT}`],
    [{ issuedBefore: 0 }, `a__ 5 0 ${ENDS_AT}`],
    [{ issuedBefore: Infinity }, `a__ 5 - ${ENDS_AT}`],
  ])('has all of the record, and is read as the same: %j (B9)', async (changes, text) => {
    const record = recordOf('a', changes);
    const value = formatDenyLogValue(record);
    expect(value).toMatch(/^[\w-]{12} a_{42} /);
    expect(value.slice(13).replace(/_{42}/, '__')).toBe(text);
    await redis.xadd(key, '*', 'r', value);
    expect(await open().read(NOW)).toEqual(page(true, record));
  });

  test('has another mark each time (B9)', () => {
    const marks = Array.from({ length: 20 }, () => formatDenyLogValue(A).slice(0, 12));
    expect(new Set(marks).size).toBe(20);
  });

  const MARK = 'm'.repeat(12);
  const KEY = 'k'.repeat(43);
  test.each([
    '',
    'of another program',
    `${MARK} ${KEY} 5 ${NOW}`,
    ` ${MARK} ${KEY} 5 ${NOW} ${ENDS_AT}`,
    `x${MARK} ${KEY} 5 ${NOW} ${ENDS_AT}`,
    `${MARK.slice(1)} ${KEY} 5 ${NOW} ${ENDS_AT}`,
    `${MARK.slice(1)}. ${KEY} 5 ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY.slice(1)} 5 ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY}k 5 ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY.slice(1)}. 5 ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY} A ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY} 12345678 ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY}  ${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY} 5 -${NOW} ${ENDS_AT}`,
    `${MARK} ${KEY} 5 ${NOW}. ${ENDS_AT}`,
    `${MARK} ${KEY} 5 ${NOW}.a ${ENDS_AT}`,
    `${MARK} ${KEY} 5 x ${ENDS_AT}`,
    `${MARK} ${KEY} 5 ${NOW} ${ENDS_AT}.5`,
    `${MARK} ${KEY} 5 ${NOW} x`,
    `${MARK} ${KEY} 5 ${NOW} `,
    `${MARK} ${KEY} 5 ${NOW} ${ENDS_AT} `,
  ])('of another form is an error, since it may revoke the next token: %j (B9)', async (value) => {
    await redis.xadd(key, '*', 'r', value);
    await expect(open().read(NOW)).rejects.toThrow('Unexpected reply from Redis');
  });
});

describe('a reply of another form (B9)', () => {
  class OddConnection extends RedisConnection {
    constructor(readonly reply: unknown) {
      super('redis://127.0.0.1:1', DEADLINE_MS);
    }

    override evaluate(): Promise<unknown> {
      return Promise.resolve(this.reply);
    }
  }
  const value = formatDenyLogValue(A);

  test.each([[null], ['1'], [1], [[1, 7, value]], [[1, '1-1']], [[1, '1-1', value, '1-2']]])(
    '%j is an error',
    async (reply) => {
      const log = new DenyLog(new OddConnection(reply), key);
      await expect(log.read(NOW)).rejects.toThrow('Unexpected reply from Redis');
    },
  );

  test.each([[null], ['1'], [0], ['OK']])('%j is no append', async (reply) => {
    expect(await new DenyLog(new OddConnection(reply), key).append(A, NOW, 5)).toBe(false);
  });
});

describe('reading (B9)', () => {
  test('begins at the beginning, and goes on after the last entry', async () => {
    const log = open();
    expect(await log.read(NOW)).toEqual(page(true));
    await log.append(A, NOW, 9);
    await log.append(B, NOW, 9);
    expect(await log.read(NOW)).toEqual(page(true, A, B));
    expect(await log.read(NOW)).toEqual(page(true));
    await log.append(C, NOW, 9);
    expect(await log.read(NOW)).toEqual(page(true, C));
  });

  test('begins anew when the last entry is gone, and says so', async () => {
    const [log, other] = [open(), open()];
    await log.append(A, NOW, 9);
    await log.read(NOW);
    await redis.del(key);
    await other.append(B, NOW, 9);
    await other.append(C, NOW, 9);
    expect(await log.read(NOW)).toEqual(page(false, B, C));
    expect(await log.read(NOW)).toEqual(page(true));
  });

  test('says so once when the stream is empty: it has then been read to its end', async () => {
    const log = open();
    await log.append(A, NOW, 9);
    await log.read(NOW);
    await redis.del(key);
    expect(await log.read(NOW)).toEqual(page(false));
    expect(await log.read(NOW)).toEqual(page(true));
    expect(await log.appendNext([A], NOW)).toBe(true);
    expect(await log.read(NOW)).toEqual(page(true, A));
  });

  test('comes in pages; a page that is full is not known to be the last', async () => {
    const pipeline = redis.pipeline();
    for (let n = 0; n <= PAGE_SIZE; n += 1)
      pipeline.xadd(key, '*', 'r', formatDenyLogValue(recordOf(`n${n}`)));
    await pipeline.exec();
    const log = open();
    const first = await log.read(NOW);
    expect(first.records).toHaveLength(1000);
    expect(first).toMatchObject({ isContinuous: true, isLast: false });
    expect(await log.read(NOW)).toEqual(page(true, recordOf(`n${PAGE_SIZE}`)));
  });

  test('removes entries that have ended from the front, up to one that has not, and never the newest', async () => {
    const ends = [NOW - 1, NOW, NOW + 1, NOW - 1];
    for (const [index, endsAtSeconds] of ends.entries())
      await redis.xadd(key, '*', 'r', formatDenyLogValue(recordOf(`n${index}`, { endsAtSeconds })));
    await open().read(NOW);
    expect(await redis.xlen(key)).toBe(2);
    await open().read(NOW + 1);
    expect(await redis.xlen(key)).toBe(1);
    await open().read(NOW + 1);
    expect(await redis.xlen(key)).toBe(1);
  });
});

describe('appending (B9)', () => {
  test('up to a maximum: then there is no room', async () => {
    const log = open();
    expect(await log.append(A, NOW, 2)).toBe(true);
    expect(await log.append(B, NOW, 2)).toBe(true);
    expect(await log.append(C, NOW, 2)).toBe(false);
    expect(await log.append(C, NOW, 3)).toBe(true);
    expect((await log.read(NOW)).records).toEqual([A, B, C]);
  });

  test('after the last entry that was read: of two that do, one does', async () => {
    const [one, other] = [open(), open()];
    expect(await one.appendNext([A, B], NOW)).toBe(true);
    expect(await other.appendNext([A, B], NOW)).toBe(false);
    await other.read(NOW);
    expect(await one.appendNext([C], NOW)).toBe(false);
    expect(await other.appendNext([C], NOW)).toBe(true);
    expect((await open().read(NOW)).records).toEqual([A, B, C]);
  });

  test('not after an entry that has the id of the last one, and another mark', async () => {
    const log = open();
    await log.append(A, NOW, 9);
    await log.read(NOW);
    const [[id] = ['']] = await redis.xrange(key, '-', '+');
    await redis.del(key);
    await redis.xadd(key, id, 'r', formatDenyLogValue(B));
    expect(await log.appendNext([A], NOW)).toBe(false);
    expect(await log.read(NOW)).toEqual(page(false, B));
    expect(await log.appendNext([A], NOW)).toBe(true);
  });

  test('not where entries were lost: a log that was read to an entry appends nothing to an empty one', async () => {
    const log = open();
    await log.append(A, NOW, 9);
    await log.read(NOW);
    await redis.del(key);
    expect(await log.appendNext([A], NOW)).toBe(false);
    expect(await redis.exists(key)).toBe(0);
  });

  test('keeps the stream for an hour beyond the last entry, and never shortens that', async () => {
    const log = open();
    const expectSeconds = async (seconds: number) => {
      const left = await redis.ttl(key);
      expect(left).toBeLessThanOrEqual(seconds);
      expect(left).toBeGreaterThan(seconds - 30);
    };
    await log.appendNext([recordOf('a', { endsAtSeconds: NOW + 1000 }), recordOf('b')], NOW);
    await expectSeconds(1000 + 3600);
    await log.append(C, NOW + 0.5, 9);
    await expectSeconds(1000 + 3600);
    await log.append(recordOf('d', { endsAtSeconds: NOW + 2000 }), NOW + 0.5, 9);
    await expectSeconds(2000 + 3600);
  });
});
