import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Fleet } from './redis/fleet.js';
import { flood } from './redis/flood.js';
import { Load } from './redis/load.js';
import { ORIGIN, Party, send, sign } from './redis/party.js';
import { RedisServer } from './redis/redis-server.js';
import { until } from './redis/until.js';

const DEADLINE_MS = 250;

let redis: RedisServer;
let party: Party;

beforeAll(async () => {
  redis = await RedisServer.start({
    settings: [
      ['appendonly', 'yes'],
      ['appendfsync', 'always'],
    ],
  });
  party = await Party.gather(6);
}, 30_000);

afterAll(() => redis.close());

describe('F1: one proof, a whole fleet', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    const { accessToken } = party.issuer;
    fleet = await Fleet.start(4, {
      origin: ORIGIN,
      accessToken,
      source: redis.url,
      storage: { keyPrefix: `${randomUUID()}:`, deadlineMs: 10_000 },
    });
  }, 60_000);
  afterAll(() => fleet.close());

  test('of 1,000 concurrent copies over 4 processes one is accepted, 20 times over', async () => {
    const [member] = party.members;
    if (member === undefined) throw new Error('nobody is there');
    const { nonce } = await send(fleet.urls[0] ?? '', await sign(member, undefined));
    for (let round = 0; round < 20; round += 1) {
      const counts = await flood(fleet.ports, await sign(member, nonce), 1000);
      expect(Object.fromEntries(counts)).toEqual({ 200: 1, 401: 999 });
    }
  }, 120_000);
});
