import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis-5';
import { HandClock } from '../../test/support/hand-clock.js';
import { LossyProxy } from '../../test/redis/lossy-proxy.js';
import { RedisServer } from '../../test/redis/redis-server.js';
import type { RevocationEntry } from '../revocation/deny-list.js';
import type { RevocableToken } from '../revocation/revocation.checker.js';
import { PAGE_SIZE } from './deny-log.js';
import { RedisDenyList, type RedisDenyListOptions } from './redis-deny-list.js';
import type { RedisSource } from './redis-source.js';

const ISSUER = 'https://auth.example.com';
const LIFETIME_SECONDS = 3600;
/** See `MARGIN_SECONDS`. */
const MARGIN_SECONDS = 1800;

let server: RedisServer;
let redis: Redis;
let keyPrefix: string;
let clock: HandClock;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.url);
}, 30_000);
beforeEach(() => {
  keyPrefix = `${randomUUID()}:`;
  clock = new HandClock();
});
afterEach(async () => {
  for (const resource of opened.splice(0).toReversed()) await resource.close();
});
afterAll(async () => {
  redis.disconnect();
  await server.close();
});

const warnings: string[] = [];
beforeEach(() => void (warnings.length = 0));

/** An instance that reads only when it is told to, within the time of a test. */
async function join(options: Partial<RedisDenyListOptions> = {}, source: RedisSource = server.url) {
  const list = new RedisDenyList(source, {
    maxTokenLifetimeSeconds: LIFETIME_SECONDS,
    maxStalenessMs: 60_000,
    deadlineMs: 10_000,
    keyPrefix,
    clock: clock.read,
    ...options,
  });
  opened.push(list);
  await list.open((text) => warnings.push(text));
  return list;
}

function tokenOf(sub: string, claims: Readonly<Record<string, unknown>> = {}): RevocableToken {
  const { iat = clock.ms / 1000 - 60 } = claims as { readonly iat?: number };
  const all = { sub, jti: `jti of ${sub}`, iat, exp: iat + LIFETIME_SECONDS, ...claims };
  return { claims: all, issuer: ISSUER, subject: sub, clientId: undefined, jkt: undefined };
}

const entryOf = (sub: string): RevocationEntry => ({ issuer: ISSUER, sub });
const streamKey = () => `${keyPrefix}deny-list`;

/** Values by id. */
async function entriesInRedis(): Promise<ReadonlyMap<string, string>> {
  const entries = await redis.xrange(streamKey(), '-', '+');
  return new Map(entries.map(([id, fields]) => [id, fields[1] ?? '']));
}

const length = () => redis.xlen(streamKey());

/** Whose tokens the instance refuses, of these. */
async function refusedBy(list: RedisDenyList, subjects: readonly string[]): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const sub of subjects) if (await list.isRevoked(tokenOf(sub))) refused.push(sub);
  return refused;
}

describe('entries of a fleet (B9)', () => {
  test.each<[string, RevocationEntry, Readonly<Record<string, unknown>>, Partial<RevocableToken>]>([
    ['jti', { issuer: ISSUER, jti: 'j' }, { jti: 'j' }, {}],
    ['sid', { issuer: ISSUER, sid: 's' }, { sid: 's' }, {}],
    ['sub', { issuer: ISSUER, sub: 'alice' }, {}, {}],
    ['clientId', { issuer: ISSUER, clientId: 'app' }, {}, { clientId: 'app' }],
    ['jkt', { jkt: 'key' }, {}, { jkt: 'key' }],
  ])(
    'by %s are known to the writer at once, and to the others after one reading',
    async (_kind, entry, claims, members) => {
      const [one, other] = [await join(), await join()];
      const token = { ...tokenOf('alice', claims), ...members };
      expect([one.isRevoked(token), other.isRevoked(token)]).toEqual([false, false]);
      await one.revoke(entry);
      expect(one.isRevoked(token)).toBe(true);
      await other.refresh();
      expect(other.isRevoked(token)).toBe(true);
      expect(other.isRevoked({ ...tokenOf('bob'), jkt: 'other', clientId: 'x' })).toBe(false);
      const late = await join();
      expect(late.isRevoked(token)).toBe(true);
    },
  );

  test('keep the time up to which tokens are refused', async () => {
    const [one, other] = [await join(), await join()];
    const issuedBefore = clock.ms / 1000 - 100.25;
    await one.revoke({ issuer: ISSUER, sub: 'alice', issuedBefore });
    await one.revoke({ issuer: ISSUER, sub: 'alice', issuedBefore: issuedBefore - 50 });
    await other.refresh();
    expect(other.isRevoked(tokenOf('alice', { iat: issuedBefore }))).toBe(true);
    expect(other.isRevoked(tokenOf('alice', { iat: issuedBefore + 0.25, exp: issuedBefore + 60 }))).toBe(
      false,
    );
  });

  test('are in Redis as digests of one length, under a key that ends with the last of them', async () => {
    const list = await join();
    await list.revoke({ issuer: ISSUER, sub: 'alice@example.com' });
    await list.revoke({ issuer: ISSUER, jti: 'a'.repeat(5000) });
    const all = JSON.stringify(await redis.xrange(streamKey(), '-', '+'));
    expect(all).not.toMatch(/alice|example|aaaa/);
    expect(all.length).toBeLessThan(400);
    const seconds = await redis.ttl(streamKey());
    expect(seconds).toBeGreaterThan(LIFETIME_SECONDS + MARGIN_SECONDS);
    expect(seconds).toBeLessThan(LIFETIME_SECONDS + MARGIN_SECONDS + 4000);
  });

  test('come in pages, of which none is lost', async () => {
    const one = await join();
    const subjects = Array.from({ length: 2 * PAGE_SIZE + 7 }, (_, n) => `s${n}`);
    await Promise.all(subjects.map((sub) => one.revoke(entryOf(sub))));
    const other = await join();
    expect(other.size).toBe(subjects.length);
    expect(await refusedBy(other, subjects)).toEqual(subjects);
  }, 30_000);

  test('exactly one page, and one more entry', async () => {
    const [one, other] = [await join(), await join()];
    for (let n = 0; n < PAGE_SIZE; n += 1) await one.revoke(entryOf(`s${n}`));
    await other.refresh();
    expect(other.size).toBe(PAGE_SIZE);
    await one.revoke(entryOf('last'));
    await other.refresh();
    expect(await refusedBy(other, ['s0', 'last', 'nobody'])).toEqual(['s0', 'last']);
  }, 30_000);

  test.each([
    ['6', Redis],
    ['5', Redis5 as unknown as typeof Redis],
  ])('are shared by clients of the app, of ioredis %s, which stay open', async (_version, Client) => {
    const client = new Client(server.url);
    opened.push({ close: () => client.disconnect() });
    await once(client, 'ready');
    const [one, other] = [await join({}, client), await join()];
    await one.revoke(entryOf('alice'));
    await other.refresh();
    expect(await refusedBy(other, ['alice'])).toEqual(['alice']);
    await one.close();
    expect(await client.ping()).toBe('PONG');
  });

  test('are refused when the list is full, and the others are known as before', async () => {
    const [one, other] = [await join({ maxEntries: 2 }), await join({ maxEntries: 2 })];
    await one.revoke(entryOf('a'));
    await one.revoke(entryOf('b'));
    const full = {
      reason: 'revocation_unavailable',
      advice: expect.stringContaining('maxEntries, 2,') as unknown,
    };
    await expect(one.revoke(entryOf('c'))).rejects.toMatchObject(full);
    await expect(other.revoke(entryOf('c'))).rejects.toMatchObject(full);
    expect(await length()).toBe(2);
    await one.refresh();
    await other.refresh();
    await other.refresh();
    expect(await length()).toBe(2);
    expect(await refusedBy(one, ['a', 'b', 'c'])).toEqual(['a', 'b']);
  });

  test('a replica does not answer in the place of its master', async () => {
    const list = await join({ deadlineMs: 1000 });
    await list.revoke(entryOf('alice'));
    await server.command('REPLICAOF', '127.0.0.1', '1');
    try {
      await expect(list.refresh()).rejects.toMatchObject({ reason: 'revocation_unavailable' });
      await expect(list.revoke(entryOf('bob'))).rejects.toMatchObject({ reason: 'revocation_unavailable' });
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE');
    }
  });
});

describe('the age of the copy (B9)', () => {
  test('an old copy is read anew before it answers; one that knows the token answers at once', async () => {
    const [one, other] = [await join(), await join()];
    await one.revoke(entryOf('alice'));
    clock.advanceSeconds(60);
    expect(other.isRevoked(tokenOf('alice'))).toBe(false);
    clock.ms += 1;
    const answer = other.isRevoked(tokenOf('alice', { iat: clock.ms / 1000 - 100 }));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBe(true);
    clock.advanceSeconds(61);
    expect(one.isRevoked(tokenOf('alice', { iat: clock.ms / 1000 - 200 }))).toBe(true);
  });

  test('a clock that steps back makes no old copy fresh for long: the steady one counts too', async () => {
    const list = await join({ maxStalenessMs: 100 });
    clock.advanceSeconds(-3600);
    const steadyMs = performance.now();
    // No answer is older than that, however slow the machine is: this loop ends by itself.
    while (performance.now() - steadyMs <= 101);
    const answer = list.isRevoked(tokenOf('bob'));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBe(false);
  });

  test('without Redis, an instance that has never read the list cannot say', async () => {
    const list = await join({}, 'redis://127.0.0.1:1');
    expect(warnings).toEqual([expect.stringContaining('ECONNREFUSED')]);
    await expect(list.isRevoked(tokenOf('alice'))).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      advice: expect.stringContaining('ECONNREFUSED') as unknown,
    });
    await expect(list.ping()).rejects.toMatchObject({ reason: 'revocation_unavailable' });
    await expect(list.revoke(entryOf('alice'))).rejects.toMatchObject({ reason: 'revocation_unavailable' });
    expect(list.isRevoked(tokenOf('alice'))).toBe(true);
  });
});

describe('what Redis loses, the instances write back (B9)', () => {
  const SUBJECTS = ['a', 'b', 'c', 'd'];

  test('a flush: each entry is back once, although several instances have it, and an instance that starts then knows it', async () => {
    const fleet = [await join(), await join(), await join()] as const;
    for (const sub of SUBJECTS) await fleet[0].revoke(entryOf(sub));
    for (const list of fleet) await list.refresh();
    await redis.del(streamKey());
    await Promise.all(fleet.map((list) => list.refresh()));
    await Promise.all(fleet.map((list) => list.refresh()));
    expect(await length()).toBe(SUBJECTS.length);
    expect(warnings.join()).toContain('have been written back');
    const late = await join();
    expect(await refusedBy(late, SUBJECTS)).toEqual(SUBJECTS);
  });

  test('a flush of more than one page', async () => {
    const [one, other] = [await join(), await join()];
    const subjects = Array.from({ length: 2 * PAGE_SIZE + 3 }, (_, n) => `s${n}`);
    await Promise.all(subjects.map((sub) => one.revoke(entryOf(sub))));
    await other.refresh();
    await redis.del(streamKey());
    await Promise.all([one.refresh(), other.refresh()]);
    await Promise.all([one.refresh(), other.refresh()]);
    expect(await length()).toBe(subjects.length);
    expect((await join()).size).toBe(subjects.length);
  }, 30_000);

  test('a flush, and another entry before an instance reads again: both are known to all', async () => {
    const [one, other] = [await join(), await join()];
    await one.revoke(entryOf('a'));
    await other.refresh();
    await redis.del(streamKey());
    await other.revoke(entryOf('b'));
    await one.refresh();
    await other.refresh();
    const late = await join();
    for (const list of [one, other, late]) expect(await refusedBy(list, SUBJECTS)).toEqual(['a', 'b']);
  });

  test('the last entries only, as after a failover: also those that the writer has not read back', async () => {
    const [writer, other] = [await join(), await join()];
    await writer.revoke(entryOf('a'));
    await writer.refresh();
    await writer.revoke(entryOf('b'));
    const [, last] = await redis.xrange(streamKey(), '-', '+');
    // The writer has read up to `a`, and so has the stream that is left.
    await redis.xdel(streamKey(), last?.[0] ?? '');
    await writer.refresh();
    await other.refresh();
    expect(await refusedBy(other, SUBJECTS)).toEqual(['a', 'b']);
  });

  test('an entry that took the id of the one that was read last is not taken for it', async () => {
    const [one, other] = [await join(), await join()];
    await one.revoke(entryOf('a'));
    await one.refresh();
    const [id] = (await entriesInRedis()).keys();
    await redis.del(streamKey());
    // Another history, in which another entry has the same id.
    await other.revoke(entryOf('b'));
    const [value] = (await entriesInRedis()).values();
    await redis.del(streamKey());
    await redis.xadd(streamKey(), id ?? '', 'r', value ?? '');
    await one.refresh();
    expect(await refusedBy(one, SUBJECTS)).toEqual(['a', 'b']);
    expect(await refusedBy(await join(), SUBJECTS)).toEqual(['a', 'b']);
  });

  test('an entry that could not be written is known to the writer, and written when that is possible', async () => {
    const rights = [
      '+evalsha',
      '+eval',
      '+info',
      '+xrange',
      '+xrevrange',
      '+xlen',
      '+xdel',
      '+ttl',
      '+expire',
    ];
    await server.command('ACL', 'SETUSER', 'reader', 'on', '>secret', '~*', '-@all', ...rights);
    const list = await join({}, `redis://reader:secret@127.0.0.1:${server.port}`);
    expect(warnings.splice(0)).toEqual([
      expect.stringMatching(/allow \+xadd on the keys [\w-]+:deny-list\*$/),
    ]);
    await expect(list.revoke(entryOf('a'))).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      message: 'The revocation cannot be completed at the moment',
      advice: expect.stringContaining('allow +evalsha +eval +info +xadd') as unknown,
    });
    await list.refresh();
    await list.refresh();
    expect(await refusedBy(list, SUBJECTS)).toEqual(['a']);
    expect(await refusedBy(await join(), SUBJECTS)).toStrictEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/takes none: Redis denies its ACL user/)]);
    await server.command('ACL', 'SETUSER', 'reader', '+xadd');
    await list.refresh();
    expect(await refusedBy(await join(), SUBJECTS)).toEqual(['a']);
    expect(await length()).toBe(1);
  });

  test('memory that is full does not stop a revocation', async () => {
    const list = await join();
    await redis.config('SET', 'maxmemory', '1');
    try {
      await list.revoke(entryOf('a'));
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(await refusedBy(await join(), SUBJECTS)).toEqual(['a']);
  });

  test('an entry that cannot be read may revoke anything: the instance cannot say', async () => {
    const list = await join();
    await redis.xadd(streamKey(), '*', 'r', 'of another program');
    await expect(list.refresh()).rejects.toMatchObject({ reason: 'revocation_unavailable' });
    clock.advanceSeconds(61);
    await expect(list.isRevoked(tokenOf('b'))).rejects.toMatchObject({ reason: 'revocation_unavailable' });
  });
});

describe('messages that are lost (B9)', () => {
  async function joinThroughProxy() {
    const proxy = await LossyProxy.start(server.port);
    opened.push(proxy);
    // It fails at once, and does not ask twice within one reading.
    const list = await join({ deadlineMs: 15 }, `redis://127.0.0.1:${proxy.port}`);
    return { proxy, list };
  }

  /** By count: the client takes some time to connect anew. */
  async function refreshUntilAnswered(list: RedisDenyList): Promise<void> {
    for (let attempt = 0; attempt < 10_000; attempt += 1) {
      const answered = await list.refresh().then(
        () => true,
        () => false,
      );
      if (answered) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    throw new Error('Redis did not answer');
  }

  test('a reading whose reply is lost loses no entry', async () => {
    const writer = await join();
    const { proxy, list } = await joinThroughProxy();
    await refreshUntilAnswered(list);
    await writer.revoke(entryOf('a'));
    proxy.loseNextReply();
    await list.refresh().catch(() => {});
    expect(proxy.lost).toBe(1);
    await refreshUntilAnswered(list);
    await writer.revoke(entryOf('b'));
    await refreshUntilAnswered(list);
    expect(await refusedBy(list, ['a', 'b', 'c'])).toEqual(['a', 'b']);
  }, 60_000);

  test('a write whose reply is lost is known to all', async () => {
    const { proxy, list } = await joinThroughProxy();
    await refreshUntilAnswered(list);
    proxy.loseNextReply();
    await list.revoke(entryOf('a')).catch(() => {});
    expect(proxy.lost).toBe(1);
    await refreshUntilAnswered(list);
    expect(await refusedBy(await join(), ['a', 'b'])).toEqual(['a']);
  }, 60_000);
});

describe('the end of entries (B9)', () => {
  test('those that have ended leave Redis from the front, but for the newest; those that have not stay', async () => {
    const list = await join();
    for (const sub of ['a', 'b', 'c']) await list.revoke(entryOf(sub));
    clock.advanceSeconds(LIFETIME_SECONDS + MARGIN_SECONDS - 1);
    await list.refresh();
    expect(await length()).toBe(3);
    clock.advanceSeconds(1);
    await list.refresh();
    expect(await length()).toBe(1);
    await list.revoke(entryOf('d'));
    await list.refresh();
    expect(await length()).toBe(1);
    clock.advanceSeconds(60);
    await list.refresh();
    expect(list.size).toBe(1);
  });

  test('an instance whose last entry has been removed meanwhile knows all others', async () => {
    const [one, other] = [await join(), await join()];
    await one.revoke(entryOf('a'));
    await other.refresh();
    clock.advanceSeconds(LIFETIME_SECONDS + MARGIN_SECONDS);
    await one.revoke(entryOf('b'));
    await one.revoke(entryOf('c'));
    expect(await length()).toBe(2);
    await other.refresh();
    expect(await refusedBy(other, ['a', 'b', 'c'])).toEqual(['b', 'c']);
    await other.refresh();
    expect(await length()).toBe(2);
  });

  test('a full list has room again when its entries have ended', async () => {
    const list = await join({ maxEntries: 2 });
    await list.revoke(entryOf('a'));
    await list.revoke(entryOf('b'));
    clock.advanceSeconds(LIFETIME_SECONDS + MARGIN_SECONDS);
    await list.revoke(entryOf('c'));
    expect(await refusedBy(list, ['c'])).toEqual(['c']);
  });
});

test.each<[object | undefined, string]>([
  [undefined, 'RedisDenyList options must be an object with maxTokenLifetimeSeconds'],
  [{}, 'maxTokenLifetimeSeconds must be an integer'],
  [
    { maxTokenLifetimeSeconds: 60, maxStalenessMs: 99 },
    'maxStalenessMs must be an integer from 100 to 60000',
  ],
  [{ maxTokenLifetimeSeconds: 60, deadlineMs: 0 }, 'deadlineMs must be an integer from 1 to 60000'],
  [{ maxTokenLifetimeSeconds: 60, keyPrefix: 1 }, 'keyPrefix must be a string'],
  [{ maxTokenLifetimeSeconds: 60, clock: 1 }, 'clock must be a function'],
  [{ maxTokenLifetimeSeconds: 60, prefix: '' }, 'RedisDenyList options has no option "prefix"'],
])('the options %j are a TypeError that says why (I4)', (options, message) => {
  expect(() => new RedisDenyList(server.url, options as RedisDenyListOptions)).toThrow(message);
});

test('a source of another form is a TypeError that names the deny-list (I4)', () => {
  expect(() => new RedisDenyList('localhost:6379', { maxTokenLifetimeSeconds: 60 })).toThrow(
    'RedisDenyList must be given a URL',
  );
});
