import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis, type RedisOptions } from 'ioredis';
import { LossyProxy } from '../../test/redis/lossy-proxy.js';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import { DeadlineError } from '../runtime/deadlines.js';
import { RedisConnection } from './redis-connection.js';
import { createScript } from './redis-script.js';
import type { RedisSource } from './redis-source.js';

const DEADLINE_MS = 10_000;
const ECHO = createScript('return { KEYS[1], KEYS[2], ARGV[1], ARGV[2] }');
const WRONG = createScript(`return redis.call('HGET', KEYS[1])`);

let server: RedisServer;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
}, 30_000);
afterEach(async () => {
  for (const resource of opened.splice(0).toReversed()) await resource.close();
});
afterAll(() => server.close());

/** Not opened. */
function connectionTo(source: RedisSource, deadlineMs = DEADLINE_MS): RedisConnection {
  const connection = new RedisConnection(source, deadlineMs);
  opened.push(connection);
  return connection;
}

async function open(source: RedisSource = server.url, deadlineMs = DEADLINE_MS): Promise<RedisConnection> {
  const connection = connectionTo(source, deadlineMs);
  await connection.open();
  return connection;
}

type ClientOptions = Pick<
  RedisOptions,
  'lazyConnect' | 'autoResendUnfulfilledCommands' | 'maxRetriesPerRequest'
>;

/** A client of the app's own. */
function borrow(options: ClientOptions = {}, port = server.port): Redis {
  const client = new Redis({ ...options, host: '127.0.0.1', port });
  client.on('error', () => {});
  opened.push({ close: () => client.disconnect() });
  return client;
}

async function errorOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
}

describe('a Redis that hangs (F5)', () => {
  test('one that hangs gives no answer within the deadline', async () => {
    const connection = await open(server.url, 100);
    server.freeze();
    try {
      expect(await errorOf(connection.evaluate(ECHO, [], []))).toEqual(new DeadlineError(100));
    } finally {
      server.thaw();
    }
  });

  test('a reply explains why a client that then left gets no answer; another reply takes that back', async () => {
    const client = borrow();
    await once(client, 'ready');
    const connection = await open(client, 100);
    const reply = await errorOf(connection.evaluate(WRONG, ['a'], []));
    server.freeze();
    const explained = await errorOf(connection.evaluate(ECHO, [], []));
    server.thaw();
    expect(explained.message).toBe('Redis is not connected any more');
    expect(explained.cause).toBe(reply);
    await until('it answers', () => connection.evaluate(ECHO, [], []).then(() => true));
    server.freeze();
    const unexplained = await errorOf(connection.evaluate(ECHO, [], []));
    server.thaw();
    expect(unexplained).toEqual(new DeadlineError(100));
  });

  test('comes where Redis does not answer, after the deadline', async () => {
    const connection = await open(server.url, 50);
    server.freeze();
    try {
      await connection.close();
      await until('the client has ended', () => !connection.isReady);
    } finally {
      server.thaw();
    }
  });

  test('a client of the app that hangs keeps no listener of an opening that was given up (F5)', async () => {
    server.freeze();
    try {
      const client = borrow();
      await once(client, 'connect');
      const connection = connectionTo(client);
      const before = client.listenerCount('ready');
      const opening = connection.open();
      expect(client.listenerCount('ready')).toBe(before + 1);
      await opening;
      expect(client.listenerCount('ready')).toBe(before);
    } finally {
      server.thaw();
    }
  });

  test('sends no more than 10000 scripts to one that hangs, and goes on when it answers', async () => {
    const connection = await open(server.url, 400);
    await connection.evaluate(ECHO, [], []);
    server.freeze();
    try {
      const sent = Array.from({ length: 10_000 }, () => errorOf(connection.evaluate(ECHO, [], [])));
      const error = await errorOf(connection.evaluate(ECHO, [], []));
      expect(error.message).toBe('Redis is not connected any more');
      expect(error.cause).toMatchObject({ message: 'Redis does not answer' });
      expect((await Promise.all(sent)).every((late) => late instanceof DeadlineError)).toBe(true);
    } finally {
      server.thaw();
    }
    await until('it answers', () => connection.evaluate(ECHO, [], []).then(() => true));
  }, 30_000);

  test('scripts that a lost connection never answers do not count after the next one', async () => {
    const proxy = await LossyProxy.start(server.port);
    const client = borrow({ autoResendUnfulfilledCommands: false }, proxy.port);
    await once(client, 'ready');
    opened.push(proxy);
    const connection = await open(client, 1000);
    await connection.evaluate(ECHO, [], []);
    proxy.loseNextReply();
    const lost = await Promise.all(
      Array.from({ length: 10_000 }, () => errorOf(connection.evaluate(ECHO, [], []))),
    );
    expect(lost).toHaveLength(10_000);
    await until('it answers', () => connection.evaluate(ECHO, [], []).then(() => true));
  }, 30_000);
});
