import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { DpopHealthIndicator, type DpopModuleOptions } from '../lib/index.js';
import { type RedisSource, RedisStorage, type RedisStorageOptions } from '../lib/redis/index.js';
import { ORIGIN, Party, send, sign } from './redis/party.js';
import { SharedRedis } from './redis/shared-redis.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';

/** What is shown here does not depend on how fast the machine is. */
const DEADLINE_MS = 10_000;
const REPLAYED = 'The DPoP proof was used before';
const RENEW = 'Resource server requires a new nonce in DPoP proof';

let redis: SharedRedis;
let party: Party;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  redis = await SharedRedis.open();
  party = await Party.gather(1);
}, 30_000);
afterEach(async () => {
  for (const { close } of opened.splice(0).toReversed()) await close();
});
afterAll(() => redis.close());

interface InstanceOptions {
  readonly platform?: Platform;
  readonly source?: RedisSource;
  readonly storage?: RedisStorageOptions;
  readonly dpop?: Partial<DpopModuleOptions>;
}

/** An instance of the fleet, closed after the test. */
async function join({ platform = 'express', source = redis.url, storage, dpop }: InstanceOptions = {}) {
  const { keyPrefix } = redis;
  const app = await startRecordingApp(platform, {
    dpop: {
      origin: ORIGIN,
      accessToken: party.issuer.accessToken,
      storage: new RedisStorage(source, { keyPrefix, deadlineMs: DEADLINE_MS, ...storage }),
      ...dpop,
    },
  });
  opened.push(app);
  return app;
}

function transfers({ url }: RecordingApp): string {
  return `${url}/transfers`;
}

/** A nonce of this instance's. */
async function nonceOf(app: RecordingApp): Promise<string | undefined> {
  const [member] = party.members;
  return (await send(`${app.url}/nonce`, await sign(member, undefined, '/nonce'))).nonce;
}

describe.each(PLATFORMS)('two instances on %s', (platform) => {
  test('a proof accepted by one is refused by the other, and by itself (F1)', async () => {
    const [one, other] = [await join({ platform }), await join({ platform })];
    const [member] = party.members;
    const request = await sign(member, await nonceOf(one));
    expect(await send(transfers(one), request)).toMatchObject({ status: 200 });
    expect(await send(transfers(other), request)).toMatchObject({ status: 401, message: REPLAYED });
    expect(await send(transfers(one), request)).toMatchObject({ status: 401, message: REPLAYED });
  });

  test('a nonce of one is accepted by the other, and after a restart of both (E5)', async () => {
    const [one, other] = [await join({ platform }), await join({ platform })];
    const [member] = party.members;
    const nonce = await nonceOf(one);
    expect(await send(transfers(other), await sign(member, nonce))).toMatchObject({ status: 200 });
    await one.close();
    await other.close();
    const restarted = await join({ platform });
    expect(await send(transfers(restarted), await sign(member, nonce))).toMatchObject({ status: 200 });
  });

  test('a memory that has just begun knows no proof without its nonce to be new; one retry lets it in (F6)', async () => {
    const app = await join({ platform, storage: { keyPrefix: `${redis.keyPrefix}${platform}:` } });
    const [member] = party.members;
    const { nonce, ...refusal } = await send(transfers(app), await sign(member, undefined));
    expect(refusal).toEqual({ status: 401, message: RENEW });
    expect(await send(transfers(app), await sign(member, nonce))).toMatchObject({ status: 200 });
  });

  test('a loss that nobody noticed: a client who is asked for a nonce is asked once (F6)', async () => {
    const keyPrefix = `${redis.keyPrefix}${platform}, lost:`;
    const app = await join({ platform, storage: { keyPrefix } });
    const [member] = party.members;
    await nonceOf(app);
    await redis.lose(keyPrefix);
    const answer = await send(`${app.url}/nonce`, await sign(member, await nonceOf(app), '/nonce'));
    expect(answer).toMatchObject({ status: 200 });
  });

  test('after a loss, an instance that starts then takes the nonces of those that were there (E5, F6)', async () => {
    const storage = { keyPrefix: `${redis.keyPrefix}${platform}, restored:` };
    const app = await join({ platform, storage });
    const [member] = party.members;
    await nonceOf(app);
    await redis.lose(storage.keyPrefix);
    const nonce = await nonceOf(app);
    const young = await join({ platform, storage });
    expect(await send(transfers(young), await sign(member, nonce))).toMatchObject({ status: 200 });
  });

  test('an instance that is asked is healthy', async () => {
    const { nest } = await join({ platform });
    expect(await nest.get(DpopHealthIndicator).isHealthy()).toEqual({ dpop: { status: 'up' } });
    expect(await nest.get(DpopHealthIndicator).isHealthy('redis')).toEqual({ redis: { status: 'up' } });
  });
});

describe('the ways to name a Redis', () => {
  /** As ioredis reads a URL. */
  function optionsOf(url: string) {
    const { hostname, port, username, password, pathname } = new URL(url);
    return {
      host: hostname,
      port: Number(port || 6379),
      ...(username !== '' && { username: decodeURIComponent(username) }),
      ...(password !== '' && { password: decodeURIComponent(password) }),
      ...(pathname.length > 1 && { db: Number(pathname.slice(1)) }),
      ...(url.startsWith('rediss:') && { tls: {} }),
    };
  }

  function borrow(client: Redis): Redis {
    opened.push({ close: () => client.disconnect() });
    return client;
  }

  test.each<[string, () => RedisSource]>([
    ['a URL', () => redis.url],
    ['options', () => optionsOf(redis.url)],
    ['a client', () => borrow(new Redis(redis.url))],
    ['a client that is not connected yet', () => borrow(new Redis(redis.url, { lazyConnect: true }))],
    ['a client that pipelines', () => borrow(new Redis(redis.url, { enableAutoPipelining: true }))],
    ['a client that speaks RESP2', () => borrow(new Redis(redis.url, { protocol: 2 }))],
  ])('%s', async (_name, source) => {
    const [one, other] = [await join(), await join({ source: source() })];
    const [member] = party.members;
    const request = await sign(member, await nonceOf(other));
    expect(await send(transfers(other), request)).toMatchObject({ status: 200 });
    expect(await send(transfers(one), request)).toMatchObject({ status: 401, message: REPLAYED });
  });

  test('a client with a key prefix of its own keeps to it', async () => {
    const keyPrefix = `${redis.keyPrefix}app:`;
    const app = await join({
      source: borrow(new Redis(redis.url, { keyPrefix })),
      storage: { keyPrefix: 'dpop:' },
    });
    const [member] = party.members;
    expect(await send(transfers(app), await sign(member, await nonceOf(app)))).toMatchObject({ status: 200 });
    expect(await redis.keys(`${keyPrefix}dpop:`)).not.toStrictEqual([]);
  });
});

describe('two services in one Redis', () => {
  test('with prefixes of their own know nothing of each other', async () => {
    const [one, other] = [
      await join({ storage: { keyPrefix: `${redis.keyPrefix}one:` } }),
      await join({ storage: { keyPrefix: `${redis.keyPrefix}other:` } }),
    ];
    const [member] = party.members;
    const nonce = await nonceOf(one);
    expect(await send(transfers(one), await sign(member, nonce))).toMatchObject({ status: 200 });
    expect(await send(transfers(other), await sign(member, nonce))).toMatchObject({ status: 401 });
  });

  test('with one prefix, and another audience, do not take each other’s nonces (E3)', async () => {
    const { accessToken } = party.issuer;
    const both = { ...accessToken, audience: [accessToken.audience, 'https://other.example.com'].flat() };
    const [one, other] = [await join(), await join({ dpop: { accessToken: both } })];
    const [member] = party.members;
    expect(await send(transfers(other), await sign(member, await nonceOf(one)))).toMatchObject({
      status: 401,
      message: 'The nonce in the DPoP proof is not acceptable, use the one supplied',
    });
  });
});
