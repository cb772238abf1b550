import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, HttpCode, Module, Post, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import {
  DPOP_DECISION_CHANNEL,
  type DpopDecision,
  DpopGuard,
  DpopHealthIndicator,
  DpopModule,
  type DpopModuleOptions,
} from '../lib/index.js';
import { type RedisSource, RedisStorage } from '../lib/redis/index.js';
import { ACL_COMMANDS } from '../lib/redis/redis-failure.js';
import { LossyProxy } from './redis/lossy-proxy.js';
import { ORIGIN, Party, send, sign } from './redis/party.js';
import { RedisServer } from './redis/redis-server.js';
import { until } from './redis/until.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';
import { sendRaw } from './support/raw-request.js';

const DEADLINE_MS = 250;

let redis: RedisServer;
let party: Party;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
  party = await Party.gather(2);
}, 30_000);

afterEach(async () => {
  for (const resource of opened.splice(0).toReversed()) await resource.close();
});

afterAll(() => redis.close());

/** An app that is closed after the test. */
async function start(
  source: RedisSource,
  deadlineMs: number,
  options: Partial<DpopModuleOptions> = {},
): Promise<RecordingApp> {
  const { accessToken } = party.issuer;
  const storage = new RedisStorage(source, { deadlineMs });
  const app = await startRecordingApp('express', {
    dpop: { origin: ORIGIN, accessToken, storage, ...options },
  });
  opened.push(app);
  return app;
}

/** A client of the app's own, ended after the test. */
function borrow(client: Redis): Redis {
  client.on('error', () => {});
  opened.push({ close: () => client.disconnect() });
  return client;
}

describe('replies that get lost (F1)', () => {
  const LOSSES = 10;
  let proxy: LossyProxy;
  beforeAll(async () => {
    proxy = await LossyProxy.start(redis.port);
  });
  afterAll(() => proxy.close());

  test.each([
    ['an owned client', 2000, () => ({ host: '127.0.0.1', port: proxy.port })],
    ["a borrowed client with ioredis' defaults", 2000, () => borrow(new Redis(proxy.port, '127.0.0.1'))],
    [
      'a borrowed client that sends nothing again',
      250,
      () => borrow(new Redis(proxy.port, '127.0.0.1', { autoResendUnfulfilledCommands: false })),
    ],
  ])(
    '%s: no good request is taken for a replay, and no proof passes twice',
    async (_name, deadlineMs, source) => {
      const lossy = await start(source(), deadlineMs);
      const direct = await start(redis.url, 2000);
      const lostBefore = proxy.lost;
      const [member] = party.members;
      let nonce: string | undefined;
      for (let loss = 0; loss < LOSSES; loss += 1) {
        await until('the connection is back', async () => {
          nonce = (await send(`${lossy.url}/transfers`, await sign(member, nonce))).nonce ?? nonce;
          return (await send(`${lossy.url}/transfers`, await sign(member, nonce))).status === 200;
        });
        const requests = await Promise.all(Array.from({ length: 5 }, () => sign(member, nonce)));
        proxy.loseNextReply();
        const answers = await Promise.all(requests.map((request) => send(`${lossy.url}/transfers`, request)));
        expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toStrictEqual([]);
        const replays = await Promise.all(
          requests.map((request) => send(`${direct.url}/transfers`, request)),
        );
        // One that was answered 503 may pass now, if it was never recorded.
        const passed = replays.filter(
          ({ status }, index) => status === 200 && answers[index]?.status === 200,
        );
        expect(passed).toStrictEqual([]);
      }
      expect(proxy.lost - lostBefore).toBe(LOSSES);
    },
    60_000,
  );
});

describe('a Redis that is not there (F5)', () => {
  /** Asks with a nonce of the instance's own, so that there is something to be written. */
  async function ask({ url }: RecordingApp): Promise<number> {
    const [member] = party.members;
    const { nonce } = await send(`${url}/nonce`, await sign(member, undefined, '/nonce'));
    return (await send(`${url}/transfers`, await sign(member, nonce))).status;
  }

  const isServed = async (app: RecordingApp) => (await ask(app)) === 200;
  const isUnavailable = async (app: RecordingApp) => (await ask(app)) === 503;

  test('a service starts without it, and needs no restart when it comes', async () => {
    await redis.kill();
    const app = await start(redis.url, DEADLINE_MS);
    expect(await isUnavailable(app)).toBe(true);
    expect(await app.nest.get(DpopHealthIndicator).isHealthy()).toEqual({
      dpop: { status: 'down', message: 'the storage cannot be reached' },
    });
    await redis.up();
    await until('the service is back', () => isServed(app));
    expect(await app.nest.get(DpopHealthIndicator).isHealthy()).toEqual({ dpop: { status: 'up' } });
  }, 30_000);

  test.each<[string, () => RedisSource]>([
    ['an owned client', () => redis.url],
    [
      'a borrowed client that is not connected yet',
      () => borrow(new Redis(redis.url, { lazyConnect: true })),
    ],
    ['a borrowed client that is connecting', () => borrow(new Redis(redis.url))],
    ['a Cluster', () => ({ nodes: [{ host: '127.0.0.1', port: redis.port }] })],
    ['sentinels', () => ({ name: 'fleet', sentinels: [{ host: '127.0.0.1', port: redis.port }] })],
  ])(
    '%s to one that hangs does not keep a service from its start, or its end',
    async (_name, source) => {
      redis.freeze();
      try {
        const app = await start(source(), DEADLINE_MS);
        expect(await isUnavailable(app)).toBe(true);
        await app.close();
      } finally {
        redis.thaw();
      }
    },
    30_000,
  );

  test('one that was demoted is left as soon as it says so', async () => {
    const app = await start({ host: '127.0.0.1', port: redis.port, connectionName: 'left' }, DEADLINE_MS);
    const connection = async () =>
      /id=(\d+) .*name=left /.exec(String(await redis.command('CLIENT', 'LIST')))?.[1];
    await until('it is served', () => isServed(app));
    const before = await connection();
    // Of a master that does not exist.
    await redis.command('REPLICAOF', '127.0.0.1', '1');
    try {
      await until('it is unavailable', () => isUnavailable(app));
      await until('it has connected anew', async () => ![before, undefined].includes(await connection()));
    } finally {
      await redis.command('REPLICAOF', 'NO', 'ONE');
    }
    await until('the service is back', () => isServed(app));
  }, 30_000);

  test('a user of few rights does, and of fewer is 503 for as long as that lasts', async () => {
    const page = readFileSync(new URL('../docs/replay-and-redis.md', import.meta.url), 'utf8');
    const [, rights = ''] = /ACL SETUSER api on >secret (~dpop:\* .*)$/m.exec(page) ?? [];
    expect(rights.split(' ')).toEqual(['~dpop:*', '-@all', ...ACL_COMMANDS.map((name) => `+${name}`)]);
    await redis.command('ACL', 'SETUSER', 'api', 'on', '>secret', ...rights.split(' '));
    const app = await start(`redis://api:secret@127.0.0.1:${redis.port}`, DEADLINE_MS);
    await until('it is served', () => isServed(app));
    await redis.command('ACL', 'SETUSER', 'api', '-info');
    await until('it is unavailable', () => isUnavailable(app));
    await redis.command('ACL', 'SETUSER', 'api', '+info');
    await until('the service is back', () => isServed(app));
  }, 30_000);

  test('accepted all the same where that is asked for: with one decision for each request that says so', async () => {
    const app = await start(redis.url, 10_000, { onReplayStoreFailure: 'accept-and-report' });
    const [member] = party.members;
    await until('it is served', () => isServed(app));
    const request = await sign(member, undefined);
    await redis.kill();
    const decisions: DpopDecision[] = [];
    const listen = (message: unknown) => void decisions.push(message as DpopDecision);
    subscribe(DPOP_DECISION_CHANNEL, listen);
    try {
      expect((await send(`${app.url}/transfers`, request)).status).toBe(200);
      expect((await send(`${app.url}/transfers`, request)).status).toBe(200);
    } finally {
      unsubscribe(DPOP_DECISION_CHANNEL, listen);
      await redis.up();
    }
    expect(decisions).toHaveLength(2);
    for (const decision of decisions) {
      expect(decision).toMatchObject({
        outcome: 'accepted',
        reason: 'replay_store_unavailable',
        replayChecked: false,
        jkt: member.client.jkt,
      });
    }
    const health = app.nest.get(DpopHealthIndicator);
    await until('Redis is back', async () => (await health.isHealthy()).dpop.status === 'up');
    expect(await send(`${app.url}/transfers`, request)).toMatchObject({ status: 401 });
  }, 30_000);

  test('a client that forgets what a lost connection owed does not count as one that hangs', async () => {
    const proxy = await LossyProxy.start(redis.port);
    const client = borrow(new Redis(proxy.port, '127.0.0.1', { autoResendUnfulfilledCommands: false }));
    await once(client, 'ready');
    const storage = new RedisStorage(client, { deadlineMs: 1000 });
    opened.push(proxy, storage);
    await storage.open();
    proxy.loseNextReply();
    const pings = await Promise.allSettled(Array.from({ length: 10_000 }, () => storage.ping()));
    expect(pings.filter(({ status }) => status === 'fulfilled')).toStrictEqual([]);
    await until('it answers', () => storage.ping().then(() => true));
  }, 30_000);
});

describe('the end of an app', () => {
  /** An app in which requests stay before the guard until they are let go on. */
  async function startGated(storage: RedisStorage) {
    let enter = (): void => {};
    let goOn = (): void => {};
    const isIn = new Promise<void>((resolve) => (enter = resolve));
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    const { accessToken } = party.issuer;

    @UseGuards(DpopGuard)
    @Controller('transfers')
    class TransfersController {
      @HttpCode(200)
      @Post()
      transfer() {
        return { done: true };
      }
    }
    @Module({
      imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken, storage })],
      controllers: [TransfersController],
    })
    class GatedModule {}
    const app = await NestFactory.create(GatedModule, { logger: false });
    app.use(async (_request: unknown, _response: unknown, next: () => void) => {
      enter();
      await mayGoOn;
      next();
    });
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
    return { app, port, isIn, goOn: () => goOn() };
  }

  async function isConnected(name: string): Promise<boolean> {
    return String(await redis.command('CLIENT', 'LIST')).includes(`name=${name} `);
  }

  test('closes an owned client, after requests in flight ended', async () => {
    const source = { host: '127.0.0.1', port: redis.port, connectionName: 'owned' };
    const storage = new RedisStorage(source, { afterDataLoss: 'accept', deadlineMs: 10_000 });
    const { app, port, isIn, goOn } = await startGated(storage);
    const [member] = party.members;
    const fields = Object.entries(await sign(member, undefined));
    const answer = sendRaw(port, {
      method: 'POST',
      target: '/transfers',
      fields: [['host', 'a'], ...fields],
    });
    await isIn;
    const ended = app.close();
    // Whatever runs at once when an app is told to close has run.
    await new Promise(setImmediate);
    expect(await isConnected('owned')).toBe(true);
    goOn();
    expect(await answer).toMatchObject({ status: 200 });
    await ended;
    await until('Redis has lost the connection', async () => !(await isConnected('owned')));
  });

  test('leaves a client that was handed in as it was', async () => {
    const client = borrow(new Redis(redis.url));
    await once(client, 'ready');
    const listeners = client.eventNames().map((name) => [name, client.listenerCount(name)]);
    const app = await start(client, DEADLINE_MS);
    await app.close();
    expect(await client.ping()).toBe('PONG');
    expect(client.eventNames().map((name) => [name, client.listenerCount(name)])).toEqual(listeners);
  });

  test('comes though Redis does not answer any more', async () => {
    const app = await start(redis.url, DEADLINE_MS);
    redis.freeze();
    try {
      await app.close();
    } finally {
      redis.thaw();
    }
  });
});
