import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Cluster } from 'ioredis';
import { LossyProxy } from '../../test/redis/lossy-proxy.js';
import { ConnectionScene, errorOf } from '../../test/redis/connection-scene.js';
import { until } from '../../test/redis/until.js';
import { createScript } from './redis-script.js';

const NOWHERE = 'redis://127.0.0.1:1';
const ECHO = createScript('return { KEYS[1], KEYS[2], ARGV[1], ARGV[2] }');
const COUNT = createScript(`return redis.call('INCR', KEYS[1])`);
const WRONG = createScript(`return redis.call('HGET', KEYS[1])`);

let scene: ConnectionScene;

beforeAll(async () => {
  scene = await ConnectionScene.open();
}, 30_000);
afterEach(async () => {
  await scene.clear();
  jest.restoreAllMocks();
});
afterAll(() => scene.server.close());

const connectionNames = async () =>
  [...String(await scene.server.command('CLIENT', 'LIST')).matchAll(/ name=(\S+) /g)].map(([, name]) => name);

test('a connection that was opened and closed leaves no timer behind that keeps the process alive (F5)', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  let before = -1;
  await until('those of other clients have ended', () => {
    const wasSo = timers() === before;
    before = timers();
    return wasSo;
  });
  const connection = await scene.connect(scene.server.url, 60_000);
  await connection.close();
  await until('the client has ended', () => !connection.isReady);
  expect(timers()).toBeLessThanOrEqual(before);
  await connection.close();
  expect(timers()).toBeLessThanOrEqual(before);
});

describe('a script', () => {
  test('gets its keys and arguments, and is sent whole only where the server does not know it', async () => {
    const connection = await scene.connect();
    await scene.server.command('SCRIPT', 'FLUSH');
    await scene.server.command('CONFIG', 'RESETSTAT');
    for (let call = 0; call < 3; call += 1)
      expect(await connection.evaluate(ECHO, ['a', 'b'], ['c', 4])).toEqual(['a', 'b', 'c', '4']);
    const stats = String(await scene.server.command('INFO', 'commandstats'));
    expect(stats).toMatch(/cmdstat_eval:calls=1,/);
    expect(stats).toMatch(/cmdstat_evalsha:calls=3,/);
  });

  test('with an error reply fails with this reply, once (F5)', async () => {
    const connection = await scene.connect();
    await connection.evaluate(WRONG, ['a'], []).catch(() => {});
    await scene.server.command('CONFIG', 'RESETSTAT');
    expect(await errorOf(connection.evaluate(WRONG, ['a'], []))).toMatchObject({ name: 'ReplyError' });
    const stats = String(await scene.server.command('INFO', 'commandstats'));
    expect(stats).toMatch(/cmdstat_evalsha:calls=1,/);
    expect(stats).not.toContain('cmdstat_eval:');
    expect(await connection.evaluate(ECHO, ['a', 'b'], ['c', 4])).toEqual(['a', 'b', 'c', '4']);
  });

  test('is run again when its reply is lost (F1)', async () => {
    const proxy = await LossyProxy.start(scene.server.port);
    scene.keep(proxy);
    const connection = await scene.connect(`redis://127.0.0.1:${proxy.port}`);
    const key = 'run again';
    expect(await connection.evaluate(COUNT, [key], [])).toBe(1);
    proxy.loseNextReply();
    expect(await connection.evaluate(COUNT, [key], [])).toBe(3);
    expect(proxy.lost).toBe(1);
  });

  test('is not run again where the deadline leaves no time for it (F5)', async () => {
    const proxy = await LossyProxy.start(scene.server.port);
    scene.keep(proxy);
    const client = scene.borrow(
      { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 },
      proxy.port,
    );
    await once(client, 'ready');
    const connection = await scene.connect(client, 15);
    await connection.evaluate(COUNT, ['not again'], []).catch(() => {});
    await scene.server.command('SET', 'not again', '0');
    proxy.loseNextReply();
    const error = await errorOf(connection.evaluate(COUNT, ['not again'], []));
    expect(proxy.lost).toBe(1);
    expect(error.message).toMatch(/^(Redis is not connected any more|no answer within 15 ms)$/);
    expect(await scene.server.command('GET', 'not again')).toBe('1');
  });
});

describe('without Redis (F5)', () => {
  test('a script fails at once, with the reason', async () => {
    const connection = await scene.connect(NOWHERE);
    expect(connection.isReady).toBe(false);
    expect(await errorOf(connection.evaluate(ECHO, [], []))).toMatchObject({
      message: 'Redis is not connected',
      cause: { code: 'ECONNREFUSED' },
    });
  });
});

describe('the opening', () => {
  test('connects a client of the library', async () => {
    const connection = scene.connectionTo(scene.server.url);
    expect(connection.isReady).toBe(false);
    await connection.open();
    expect(connection.isReady).toBe(true);
    expect(connection.isCluster).toBe(false);
    await connection.open();
    expect(connection.isReady).toBe(true);
  });

  test.each([
    ['that is to connect later', { lazyConnect: true }],
    ['that is connecting', {}],
  ])('waits for a client of the app %s', async (_name, options) => {
    const connection = await scene.connect(scene.borrow(options));
    expect(connection.isReady).toBe(true);
  });

  test('waits no longer than for the first failure (F5)', async () => {
    const connection = await scene.connect(NOWHERE);
    expect(connection.isReady).toBe(false);
  });

  test.each(['ready', 'end'] as const)(
    'waits for nothing where a client of the app is at its %s',
    async (status) => {
      const client = scene.borrow();
      await once(client, 'ready');
      if (status === 'end') {
        client.disconnect();
        await once(client, 'end');
      }
      const connection = scene.connectionTo(client);
      const before = client.listenerCount('ready');
      const opening = connection.open();
      expect(client.listenerCount('ready')).toBe(before);
      await opening;
      expect(client.status).toBe(status);
      expect(connection.isReady).toBe(status === 'ready');
    },
  );

  test('calls the listeners after each new connection, of a node of a Cluster too (F6)', async () => {
    const connection = scene.connectionTo(scene.server.url);
    let calls = 0;
    connection.onConnected(() => (calls += 1));
    await connection.open();
    expect(calls).toBe(1);
    await scene.server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('it has connected anew', () => calls === 2);

    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
    const ofCluster = scene.connectionTo(cluster);
    expect(ofCluster.isCluster).toBe(true);
    ofCluster.onConnected(() => (calls += 1));
    cluster.emit('+node');
    expect(calls).toBe(3);
  });
});

describe('the closing', () => {
  test('ends a client of the library', async () => {
    const connection = await scene.connect({
      host: '127.0.0.1',
      port: scene.server.port,
      connectionName: 'owned',
    });
    expect(await connectionNames()).toContain('owned');
    await connection.close();
    await until('the client has ended', () => !connection.isReady);
    await until('the server has lost it', async () => !(await connectionNames()).includes('owned'));
    await connection.close();
    await expect(connection.evaluate(ECHO, [], [])).rejects.toThrow('Redis is not connected');
  });

  test('ends a client of the library that is not connected: it does not connect anew', async () => {
    const nameOf = (connectionName: string) => ({
      host: '127.0.0.1',
      port: scene.server.port,
      connectionName,
    });
    const [closed, other] = [await scene.connect(nameOf('closed')), await scene.connect(nameOf('other'))];
    await scene.server.kill();
    await until('the outage is noticed', () => !closed.isReady && !other.isReady);
    await closed.close();
    await scene.server.up();
    // This one tries as often.
    await until('the other has connected anew', () => other.isReady);
    expect(await connectionNames()).not.toContain('closed');
  });

  test('leaves a client of the app connected, and without a listener of the library', async () => {
    const client = scene.borrow();
    await once(client, 'ready');
    const listeners = () => client.eventNames().map((name) => [name, client.listenerCount(name)]);
    const before = listeners();
    const connection = await scene.connect(client);
    connection.onConnected(() => {});
    expect(listeners()).not.toEqual(before);
    await connection.close();
    expect(listeners()).toEqual(before);
    expect(await client.ping()).toBe('PONG');
  });

  test('prints nothing, also of an error that comes after it', async () => {
    const printed = jest.spyOn(console, 'error').mockImplementation(() => {});
    const connection = scene.connectionTo(`redis://nobody:secret@127.0.0.1:${scene.server.port}`, 50);
    scene.server.freeze();
    const opening = connection.open();
    // Once this one is connected, so is the other.
    const later = connect(scene.server.port, '127.0.0.1');
    await once(later, 'connect');
    later.destroy();
    await connection.close();
    scene.server.thaw();
    await opening;
    // By then the server has refused the user.
    await scene.server.command('PING');
    await new Promise((resolve) => setImmediate(resolve));
    expect(printed).not.toHaveBeenCalled();
  });
});
