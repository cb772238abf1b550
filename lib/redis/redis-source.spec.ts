import { describe, expect, test } from '@jest/globals';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { createClient, isClient, type RedisClusterSource, type RedisSource } from './redis-source.js';

const DEADLINE_MS = 250;

/** Clients connect when they are asked to: nothing here is opened. */
const create = (source: Exclude<RedisSource, Redis | Cluster>) => createClient(source, DEADLINE_MS, 'Owner');
const optionsOf = (source: string | RedisOptions) => (create(source) as Redis).options;
const clusterOptionsOf = (source: RedisClusterSource) => (create(source) as Cluster).options;
const NODES = [{ host: '127.0.0.1', port: 7000 }];

describe('what is a client of the app', () => {
  test('a client, and a Cluster', () => {
    expect(isClient(new Redis({ lazyConnect: true }))).toBe(true);
    expect(isClient(new Cluster(NODES, { lazyConnect: true }))).toBe(true);
  });

  test.each<[unknown]>([
    [undefined],
    [null],
    ['redis://localhost'],
    [{}],
    [{ evalsha: true }],
    [{ nodes: NODES }],
  ])('not %j', (source) => {
    expect(isClient(source as RedisSource)).toBe(false);
  });
});

describe('a client that the library creates fails early, and repeats no command by itself (F5)', () => {
  /** What no option of the app changes. */
  const REQUIRED = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    failoverDetector: true,
    enableAutoPipelining: true,
    // Three deadlines.
    socketTimeout: 750,
  };
  const DEFAULTS = {
    connectTimeout: 1000,
    disconnectTimeout: 750,
    sentinelCommandTimeout: 750,
    maxLoadingRetryTime: 500,
  };
  const OTHERS = {
    lazyConnect: false,
    enableOfflineQueue: true,
    maxRetriesPerRequest: 20,
    autoResendUnfulfilledCommands: true,
    failoverDetector: false,
    enableAutoPipelining: false,
    socketTimeout: 1,
  };

  test('from a URL', () => {
    expect(optionsOf('redis://user:pass@localhost:7001/3')).toMatchObject({
      ...DEFAULTS,
      ...REQUIRED,
      host: 'localhost',
      port: 7001,
      username: 'user',
      password: 'pass',
      db: 3,
    });
  });

  test('from the path of a socket', () => {
    expect(optionsOf('/a')).toMatchObject({ ...DEFAULTS, ...REQUIRED, path: '/a' });
  });

  test('from options, which replace the defaults, and nothing that is required', () => {
    expect(optionsOf({ port: 7002 })).toMatchObject({ ...DEFAULTS, ...REQUIRED, port: 7002 });
    const own = {
      connectTimeout: 1,
      disconnectTimeout: 2,
      sentinelCommandTimeout: 3,
      maxLoadingRetryTime: 4,
      connectionName: 'a',
    };
    expect(optionsOf({ ...own, ...OTHERS })).toMatchObject({ ...own, ...REQUIRED });
  });

  test.each(['redis://localhost', {}])(
    'tries to connect more and more seldom, twice a second: %j',
    (source) => {
      const { retryStrategy, sentinelReconnectStrategy } = optionsOf(source);
      expect([1, 2, 9, 10, 11, 1000].map((attempt) => retryStrategy?.(attempt))).toEqual([
        50, 100, 450, 500, 500, 500,
      ]);
      expect(sentinelReconnectStrategy?.(1)).toBe(1000);
    },
  );

  test('leaves a server that was demoted, and none for another error', () => {
    const { reconnectOnError } = optionsOf('redis://localhost');
    expect(reconnectOnError?.(new Error("READONLY You can't write against a read only replica."))).toBe(true);
    expect(reconnectOnError?.(new Error('ERR this is READONLY'))).toBe(false);
  });

  test('holds the process for no more than a second when it is ended without Redis, whatever the deadline', () => {
    expect(createClient({}, 60_000, 'Owner').options).toMatchObject({
      disconnectTimeout: 1000,
      sentinelCommandTimeout: 180_000,
      socketTimeout: 180_000,
    });
  });

  test('from the nodes of a Cluster', () => {
    const client = create({ nodes: NODES });
    expect(client).toBeInstanceOf(Cluster);
    expect(client.options).toMatchObject({
      lazyConnect: true,
      enableOfflineQueue: false,
      slotsRefreshInterval: 1000,
      redisOptions: { connectTimeout: 1000, disconnectTimeout: 750, socketTimeout: 750 },
    });
  });

  test('from the nodes and options of a Cluster, which replace the defaults, and nothing that is required', () => {
    const options = {
      lazyConnect: false,
      enableOfflineQueue: true,
      slotsRefreshInterval: 5,
      scaleReads: 'slave' as const,
      redisOptions: { connectTimeout: 1, disconnectTimeout: 2, socketTimeout: 3, password: 'p' },
    };
    expect(clusterOptionsOf({ nodes: NODES, options })).toMatchObject({
      lazyConnect: true,
      enableOfflineQueue: false,
      slotsRefreshInterval: 5,
      scaleReads: 'slave',
      redisOptions: { connectTimeout: 1, disconnectTimeout: 2, socketTimeout: 750, password: 'p' },
    });
  });

  test('a Cluster has no list in common with the app', () => {
    const nodes = Object.freeze([...NODES]);
    expect(() => create({ nodes })).not.toThrow();
  });
});

describe('a source of another form is a TypeError that names the owner and the accepted forms (I4)', () => {
  const FORMS =
    'Owner must be given a URL such as "redis://localhost:6379" ("rediss://…" for TLS), the absolute path of a socket, ioredis options, { nodes, options }, or an ioredis client or cluster';

  test.each<[unknown, string]>([
    [undefined, `${FORMS}; it is undefined`],
    [null, `${FORMS}; it is null`],
    [6379, `${FORMS}; it is 6379`],
    ['', `${FORMS}; it is ""`],
    ['/', `${FORMS}; it is "/"`],
    ['a/b', `${FORMS}; it is "a/b"`],
    ['x redis://localhost', `${FORMS}; it is "x redis://localhost"`],
    ['redis:/localhost', `${FORMS}; it is "redis:/localhost"`],
    ['redisss://localhost', `${FORMS}; it is "redisss://localhost"`],
    ['redis://a b', `${FORMS}; it is "redis://a b"`],
    ['redis://', `${FORMS}; it is "redis://"`],
    ['redis:///0', `${FORMS}; it is "redis:///0"`],
    ['localhost', `${FORMS}; did you mean "redis://localhost"?; it is "localhost"`],
    ['a-1.b_2:63', `${FORMS}; did you mean "redis://a-1.b_2:63"?; it is "a-1.b_2:63"`],
    ['a:63/12', `${FORMS}; did you mean "redis://a:63/12"?; it is "a:63/12"`],
    ['a/', `${FORMS}; did you mean "redis://a/"?; it is "a/"`],
    ['a:', `${FORMS}; it is "a:"`],
    ['a:x', `${FORMS}; it is "a:x"`],
    ['?a', `${FORMS}; it is "?a"`],
    ['a?', `${FORMS}; it is "a?"`],
    ['a/1/2', `${FORMS}; it is "a/1/2"`],
    ['user:secret@localhost', FORMS],
    ['http://user:secret@localhost', FORMS],
  ])('%j', (source, message) => {
    const attempt = () => create(source as string);
    expect(attempt).toThrow(TypeError);
    expect(attempt).toThrow(new TypeError(message));
  });

  test.each(['redis://localhost', 'REDISS://localhost:1', 'rediss://[::1]', '/a'])('%j is none', (source) => {
    expect(create(source)).toBeInstanceOf(Redis);
  });
});
