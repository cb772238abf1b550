import { hash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import type { RedisSource } from './redis-source.js';
import { RedisStorage, type RedisStorageOptions } from './redis.storage.js';

const URL = 'redis://127.0.0.1:1';

describe('misconfiguration is a TypeError at start that names the option and the accepted form', () => {
  test.each<[string, object, string]>([
    ['an unknown name', { keyprefix: 'a:' }, 'RedisStorage options has no option "keyprefix"'],
    ['a prefix that is no string', { keyPrefix: 1 }, 'keyPrefix must be a string without braces'],
    ['a prefix that pins a slot', { keyPrefix: '{a}:' }, 'keyPrefix must be a string without braces'],
    ['no deadline', { deadlineMs: 0 }, 'deadlineMs must be an integer from 1 to 60000'],
    ['a deadline beyond bounds', { deadlineMs: 60_001 }, 'deadlineMs must be an integer from 1 to 60000'],
    [
      'another answer to a loss',
      { afterDataLoss: 'ignore' },
      'afterDataLoss must be "challenge" or "accept"',
    ],
    [
      'secrets that change too often',
      { nonceRotationSeconds: 60 },
      'nonceRotationSeconds must be an integer',
    ],
    ['a clock that is none', { clock: 1 }, 'clock must be a function'],
  ])('%s', (_name, options, message) => {
    const create = () => new RedisStorage(URL, options);
    expect(create).toThrow(TypeError);
    expect(create).toThrow(message);
  });

  test.each([
    ['localhost:6379', 'it is "localhost:6379"', 'did you mean "redis://localhost:6379"?'],
    ['localhost', 'it is "localhost"', 'did you mean "redis://localhost"?'],
    ['redis.example.com:6380/2', 'it is "redis.example.com:6380/2"', '"redis://redis.example.com:6380/2"'],
    [':6379', 'it is ":6379"', 'redis://localhost:6379'],
    ['6379', 'it is "6379"', 'redis://localhost:6379'],
    ['', 'it is ""', 'redis://localhost:6379'],
    ['/', 'it is "/"', 'the absolute path of a socket'],
    ['redis.sock/', 'it is "redis.sock/"', 'the absolute path of a socket'],
    ['http://localhost:6379', 'it is "http://localhost:6379"', 'redis://localhost:6379'],
    ['rediss:/x', 'it is "rediss:/x"', 'rediss://'],
    ['redis://', 'it is "redis://"', 'redis://localhost:6379'],
    ['redis://:6379', 'it is "redis://:6379"', 'redis://localhost:6379'],
    [' redis://localhost', 'it is " redis://localhost"', 'redis://localhost:6379'],
  ])('a malformed URL: %j', (url, value, wayOut) => {
    const create = () => new RedisStorage(url);
    expect(create).toThrow(TypeError);
    expect(create).toThrow('RedisStorage must be given a URL such as "redis://localhost:6379"');
    expect(create).toThrow(value);
    expect(create).toThrow(wayOut);
  });

  test('a malformed URL with a password is not shown', () => {
    const create = () => new RedisStorage('api:topsecret@localhost:6379');
    expect(create).toThrow('RedisStorage must be given a URL');
    expect(create).not.toThrow('topsecret');
  });

  test.each(['redis://localhost', 'REDIS://localhost:6379/1', 'rediss://a:b@[::1]:6380', '/run/redis.sock'])(
    '%s is one',
    (url) => {
      expect(() => new RedisStorage(url)).not.toThrow();
    },
  );

  test.each([[undefined], [null], [6379]])('%p for a source', (source) => {
    const create = () => new RedisStorage(source as unknown as RedisSource);
    expect(create).toThrow(TypeError);
    expect(create).toThrow('RedisStorage must be given a URL such as');
  });

  test('options that are no object', () => {
    expect(() => new RedisStorage(URL, 'a:' as RedisStorageOptions)).toThrow(
      'RedisStorage options must be an object',
    );
  });
});

test('nothing is opened before it is asked for: a storage that was only made holds no process', async () => {
  const storage = new RedisStorage(URL);
  await expect(storage.ping()).rejects.toThrow('Redis is not connected');
  await storage.close();
});

describe('the bounds of options (I4)', () => {
  const DAY_SECONDS = 86_400;

  test.each<RedisStorageOptions>([
    { keyPrefix: '' },
    { deadlineMs: 1 },
    { deadlineMs: 60_000 },
    { afterDataLoss: 'accept' },
    { afterDataLoss: 'challenge' },
    { nonceRotationSeconds: DAY_SECONDS / 2 },
    { nonceRotationSeconds: 365 * DAY_SECONDS },
    { clock: () => 0 },
  ])('%j is accepted', (options) => {
    expect(() => new RedisStorage(URL, options)).not.toThrow();
  });

  test.each<[object, string]>([
    [{ keyPrefix: 'a{' }, 'keyPrefix must be a string without braces'],
    [{ keyPrefix: 'a}' }, 'keyPrefix must be a string without braces'],
    [
      { nonceRotationSeconds: DAY_SECONDS / 2 - 1 },
      'nonceRotationSeconds must be an integer from 43200 to 31536000; it is 43199',
    ],
    [
      { nonceRotationSeconds: 365 * DAY_SECONDS + 1 },
      'nonceRotationSeconds must be an integer from 43200 to 31536000; it is 31536001',
    ],
    [{ afterDataLoss: '' }, 'afterDataLoss must be "challenge" or "accept"; it is ""'],
    [{ clock: 1 }, 'clock must be a function that returns milliseconds since the epoch'],
    [
      { a: 1 },
      'RedisStorage options has no option "a"; known: keyPrefix, deadlineMs, afterDataLoss, nonceRotationSeconds, clock',
    ],
  ])('%j is not', (options, message) => {
    expect(() => new RedisStorage(URL, options)).toThrow(new TypeError(message));
  });
});

describe('a storage in a Redis', () => {
  const JKT = hash('sha256', 'a client', 'base64url');
  const DAY_SECONDS = 86_400;
  let server: RedisServer;
  const opened: RedisStorage[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
  }, 30_000);
  beforeEach(() => server.command('FLUSHALL'));
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });
  afterAll(() => server.close());

  function create(options: RedisStorageOptions = { deadlineMs: 10_000 }): RedisStorage {
    const storage = new RedisStorage(server.url, options);
    opened.push(storage);
    return storage;
  }

  async function open(options?: RedisStorageOptions): Promise<RedisStorage> {
    const storage = create(options);
    await storage.open();
    return storage;
  }

  function claim({ replayStore }: RedisStorage) {
    const nowSeconds = Math.floor(Date.now() / 1000);
    return replayStore.claim({
      id: hash('sha256', 'a claim', 'base64url'),
      jkt: JKT,
      nowSeconds,
      proofTimeSeconds: nowSeconds,
      freshUntilSeconds: nowSeconds + 60,
      lifetimeSeconds: 90,
      epoch: undefined,
    });
  }

  const keys = async () => (await server.command('KEYS', '*')) as readonly string[];

  test('is that of a fleet, with a deadline of 250 ms unless it is set (F5)', () => {
    expect(create()).toMatchObject({ shared: true, replayStore: { deadlineMs: 10_000 } });
    expect(create({})).toMatchObject({ replayStore: { deadlineMs: 250 } });
  });

  test.each([
    [{ deadlineMs: 10_000 }, 'dpop:'],
    [{ deadlineMs: 10_000, keyPrefix: 'other:' }, 'other:'],
  ])('has all its keys under one prefix: %j', async (options, prefix) => {
    const storage = await open(options);
    expect(await claim(storage)).toBe('unknown');
    expect((await keys()).every((key) => key.startsWith(prefix))).toBe(true);
    expect(await keys()).toContain(`${prefix}nonce-secrets`);
    expect(await keys()).toContain(`${prefix}{0}:ledger`);
  });

  test('is ready once it is open: it knows its secrets and all epochs (E5, F6)', async () => {
    const storage = await open();
    await storage.ping();
    expect(storage.nonceSecrets.secrets()).toHaveLength(1);
    expect(storage.replayStore.epochOf(JKT)).toMatch(/^[\w-]{8}$/);
  });

  test('challenges after a loss, unless the operator accepts it (F6)', async () => {
    expect(await claim(await open())).toBe('unknown');
    expect(await claim(await open({ deadlineMs: 10_000, afterDataLoss: 'accept' }))).toBe('first');
  });

  test('rotates its secrets every day, or as often as is set (E5)', async () => {
    const clock = new HandClock();
    const daily = await open({ deadlineMs: 10_000, clock: clock.read, keyPrefix: 'a:' });
    const often = await open({
      deadlineMs: 10_000,
      clock: clock.read,
      keyPrefix: 'b:',
      nonceRotationSeconds: DAY_SECONDS / 2,
    });
    const counts = async () => {
      for (const { nonceSecrets } of [daily, often]) await nonceSecrets.refresh();
      return [daily, often].map(({ nonceSecrets }) => nonceSecrets.secrets().length);
    };
    clock.advanceSeconds(DAY_SECONDS / 2);
    expect(await counts()).toEqual([1, 2]);
    clock.advanceSeconds(DAY_SECONDS / 2 - 1);
    expect(await counts()).toEqual([1, 2]);
    clock.advanceSeconds(1);
    expect(await counts()).toEqual([2, 3]);
  });

  test('writes its secrets back as soon as a claim finds a loss (E5, F6)', async () => {
    const storage = await open();
    const before = await server.command('GET', 'dpop:nonce-secrets');
    await server.command('FLUSHALL');
    expect(await claim(storage)).toBe('unknown');
    await until('they are back', async () => (await server.command('GET', 'dpop:nonce-secrets')) === before);
  });

  test('warns of what is wrong with Redis, and is open all the same (I3)', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const storage = create();
    const warnings: string[] = [];
    try {
      await storage.open((text) => warnings.push(text));
      await create().open();
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    }
    expect(warnings).toEqual([expect.stringContaining('maxmemory-policy allkeys-lru')]);
    await storage.ping();
  });

  test('is healthy only once it has been opened (E5, F5)', async () => {
    const storage = create();
    await expect(storage.ping()).rejects.toThrow();
    await storage.open();
    await storage.ping();
  });

  test('leaves no timer behind when it is closed (E5)', async () => {
    const intervals = jest.spyOn(globalThis, 'setInterval');
    const cleared = jest.spyOn(globalThis, 'clearInterval');
    const storage = await open();
    await storage.close();
    const timers = intervals.mock.results.map(({ value }) => value);
    expect(timers).toHaveLength(2);
    for (const timer of timers) expect(cleared.mock.calls.flat()).toContain(timer);
    jest.restoreAllMocks();
  });
});
