import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RedisStorageOptions } from '../lib/redis/index.js';
import { expectAnswersInTime } from './redis/expect-answers-in-time.js';
import { Fleet } from './redis/fleet.js';
import { flood } from './redis/flood.js';
import { Load } from './redis/load.js';
import { type Member, ORIGIN, Party, send, sign, type SignedRequest } from './redis/party.js';
import { RedisServer } from './redis/redis-server.js';

let redis: RedisServer;
let party: Party;

beforeAll(async () => {
  redis = await RedisServer.start({ settings: [['appendonly', 'yes']] });
  party = await Party.gather(5);
}, 30_000);

afterAll(() => redis.close());

/** Processes that share a memory of their own in the one Redis. */
function startFleet(size: number, storage: RedisStorageOptions): Promise<Fleet> {
  return Fleet.start(size, {
    origin: ORIGIN,
    accessToken: party.issuer.accessToken,
    source: redis.url,
    storage: { keyPrefix: `${randomUUID()}:`, ...storage },
  });
}

/** A nonce of the fleet's, once the client is known to all of it. */
async function introduce(member: Member, { urls }: Fleet): Promise<string | undefined> {
  let nonce: string | undefined;
  for (const url of [...urls, ...urls]) nonce = (await send(url, await sign(member, nonce))).nonce ?? nonce;
  return nonce;
}

describe('one proof, a whole fleet (F1)', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    // It is about who comes first, on however slow a machine.
    fleet = await startFleet(4, { deadlineMs: 30_000 });
  }, 60_000);
  afterAll(() => fleet.close());

  test('of 1,000 concurrent copies over 4 processes one is accepted, 20 times over', async () => {
    const [member] = party.members;
    const nonce = await introduce(member, fleet);
    for (let round = 0; round < 20; round += 1) {
      const counts = await flood(fleet.ports, await sign(member, nonce), 1000);
      expect(Object.fromEntries(counts)).toEqual({ 200: 1, 401: 999 });
    }
  }, 300_000);
});

describe('a fleet under load, and an attacker who repeats all it is sent (F5, F6)', () => {
  let fleet: Fleet;
  let load: Load;
  let usedBefore: readonly SignedRequest[];

  beforeAll(async () => {
    fleet = await startFleet(3, {});
  }, 60_000);
  afterAll(() => fleet.close());

  beforeEach(async () => {
    load = new Load(fleet.urls, party.members);
    await load.sees(200, 60);
    usedBefore = load.latest;
    await fleet.takeAnswerTimes();
  }, 60_000);
  afterEach(() => load.stop());

  /** The clients have noticed nothing but an outage, and waited for no answer; the attacker got nothing. */
  async function expectServiceIsBack(): Promise<void> {
    await load.sees(200, 60);
    await load.replay(usedBefore);
    await load.stop();
    expect(load.refusals).toStrictEqual([]);
    expect(load.acceptedReplays).toBe(0);
    expectAnswersInTime(await fleet.takeAnswerTimes());
  }

  test('Redis is flushed: no proof passes again, no client is refused', async () => {
    await redis.command('FLUSHALL');
    await expectServiceIsBack();
  }, 60_000);

  test('Redis is killed and comes back with its data: 503 meanwhile, and no proof passes again', async () => {
    await redis.kill();
    await load.sees(503, 30);
    await redis.up();
    await expectServiceIsBack();
  }, 60_000);

  test('Redis is killed and comes back empty: 503 meanwhile, and no proof passes again', async () => {
    await redis.kill();
    await redis.forget();
    await load.sees(503, 30);
    await redis.up();
    await expectServiceIsBack();
  }, 60_000);

  test('Redis hangs: 503 within the deadline, and all is well when it goes on', async () => {
    redis.freeze();
    await load.sees(503, 30);
    redis.thaw();
    await expectServiceIsBack();
  }, 60_000);
});

test('accepted all the same where a loss is to be accepted: the attack above is a real one (F6)', async () => {
  const fleet = await startFleet(2, { afterDataLoss: 'accept' });
  const [member] = party.members;
  const [one = '', other = ''] = fleet.urls;
  try {
    const request = await sign(member, undefined);
    expect((await send(one, request)).status).toBe(200);
    expect((await send(other, request)).message).toBe('The DPoP proof was used before');
    await redis.command('FLUSHALL');
    expect((await send(other, request)).status).toBe(200);
  } finally {
    await fleet.close();
  }
}, 60_000);
