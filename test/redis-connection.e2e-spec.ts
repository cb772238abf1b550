import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { type RedisSource, RedisStorage } from '../lib/redis/index.js';
import { LossyProxy } from './redis/lossy-proxy.js';
import { ORIGIN, Party, send, sign } from './redis/party.js';
import { RedisServer } from './redis/redis-server.js';
import { until } from './redis/until.js';
import { type StartedApp, startApp } from './support/apps.js';

let redis: RedisServer;
let party: Party;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  redis = await RedisServer.start();
  party = await Party.gather(2);
}, 30_000);

afterEach(async () => {
  for (const { close } of opened.splice(0).toReversed()) await close();
});

afterAll(() => redis.close());

/** An app that is closed after the test. */
async function start(source: RedisSource, deadlineMs: number): Promise<StartedApp> {
  const { accessToken } = party.issuer;
  const storage = new RedisStorage(source, { deadlineMs });
  const app = await startApp('express', { dpop: { origin: ORIGIN, accessToken, storage } });
  opened.push(app);
  return app;
}

/** A client of the app's own, ended after the test. */
function borrow(client: Redis): Redis {
  client.on('error', () => {});
  opened.push({ close: () => client.disconnect() });
  return client;
}

describe('F1: replies that get lost', () => {
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
        expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
        const replays = await Promise.all(
          requests.map((request) => send(`${direct.url}/transfers`, request)),
        );
        // One that was answered 503 may pass now, if it was never recorded.
        const passed = replays.filter(
          ({ status }, index) => status === 200 && answers[index]?.status === 200,
        );
        expect(passed).toEqual([]);
      }
      expect(proxy.lost - lostBefore).toBe(LOSSES);
    },
    60_000,
  );
});
