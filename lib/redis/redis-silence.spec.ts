import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { LossyProxy } from '../../test/redis/lossy-proxy.js';
import { ConnectionScene, errorOf } from '../../test/redis/connection-scene.js';
import { until } from '../../test/redis/until.js';
import { DeadlineError } from '../runtime/deadlines.js';
import { createScript } from './redis-script.js';

const ECHO = createScript('return { KEYS[1], KEYS[2], ARGV[1], ARGV[2] }');
const WRONG = createScript(`return redis.call('HGET', KEYS[1])`);

let scene: ConnectionScene;

beforeAll(async () => {
  scene = await ConnectionScene.open();
}, 30_000);
afterEach(async () => {
  await scene.clear();
});
afterAll(() => scene.server.close());

describe('a Redis that hangs (F5)', () => {
  test('one that hangs gives no answer within the deadline', async () => {
    const connection = await scene.connect(scene.server.url, 100);
    scene.server.freeze();
    try {
      expect(await errorOf(connection.evaluate(ECHO, [], []))).toEqual(new DeadlineError(100));
    } finally {
      scene.server.thaw();
    }
  });

  test('a reply explains why a client that then left gets no answer; another reply takes that back', async () => {
    const client = scene.borrow();
    await once(client, 'ready');
    const connection = await scene.connect(client, 100);
    const reply = await errorOf(connection.evaluate(WRONG, ['a'], []));
    scene.server.freeze();
    const explained = await errorOf(connection.evaluate(ECHO, [], []));
    scene.server.thaw();
    expect(explained.message).toBe('Redis is not connected any more');
    expect(explained.cause).toBe(reply);
    await until('it answers', () => connection.evaluate(ECHO, [], []).then(() => true));
    scene.server.freeze();
    const unexplained = await errorOf(connection.evaluate(ECHO, [], []));
    scene.server.thaw();
    expect(unexplained).toEqual(new DeadlineError(100));
  });

  test('comes where Redis does not answer, after the deadline', async () => {
    const connection = await scene.connect(scene.server.url, 50);
    scene.server.freeze();
    try {
      await connection.close();
      await until('the client has ended', () => !connection.isReady);
    } finally {
      scene.server.thaw();
    }
  });

  test('a client of the app that hangs keeps no listener of an opening that was given up (F5)', async () => {
    scene.server.freeze();
    try {
      const client = scene.borrow();
      await once(client, 'connect');
      const connection = scene.connectionTo(client);
      const before = client.listenerCount('ready');
      const opening = connection.open();
      expect(client.listenerCount('ready')).toBe(before + 1);
      await opening;
      expect(client.listenerCount('ready')).toBe(before);
    } finally {
      scene.server.thaw();
    }
  });

  test('sends no more than 10000 scripts to one that hangs, and goes on when it answers', async () => {
    const connection = await scene.connect(scene.server.url, 400);
    await connection.evaluate(ECHO, [], []);
    scene.server.freeze();
    try {
      const sent = Array.from({ length: 10_000 }, () => errorOf(connection.evaluate(ECHO, [], [])));
      const error = await errorOf(connection.evaluate(ECHO, [], []));
      expect(error.message).toBe('Redis is not connected any more');
      expect(error.cause).toMatchObject({ message: 'Redis does not answer' });
      expect((await Promise.all(sent)).every((late) => late instanceof DeadlineError)).toBe(true);
    } finally {
      scene.server.thaw();
    }
    await until('it answers', () => connection.evaluate(ECHO, [], []).then(() => true));
  }, 30_000);

  test('scripts that a lost connection never answers do not count after the next one', async () => {
    const proxy = await LossyProxy.start(scene.server.port);
    const client = scene.borrow({ autoResendUnfulfilledCommands: false }, proxy.port);
    await once(client, 'ready');
    scene.keep(proxy);
    const connection = await scene.connect(client, 1000);
    await connection.evaluate(ECHO, [], []);
    proxy.loseNextReply();
    const lost = await Promise.all(
      Array.from({ length: 10_000 }, () => errorOf(connection.evaluate(ECHO, [], []))),
    );
    expect(lost).toHaveLength(10_000);
    await until('it answers', () => connection.evaluate(ECHO, [], []).then(() => true));
  }, 30_000);
});
