import { hash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { RedisServer } from '../../test/redis/redis-server.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { ReplayClaim, ReplayOutcome } from '../replay/replay.store.js';
import { RedisConnection } from './redis-connection.js';
import { RedisReplayStore } from './redis-replay.store.js';

const KEY_PREFIX = 'dpop:';
const MAX_AGE_SECONDS = 60;
const FUTURE_TOLERANCE_SECONDS = 30;
const CLIENTS = 3;
const INSTANCES = 2;
const DEADLINE_MS = 10_000;

let server: RedisServer;
let redis: Redis;
let connections: readonly [RedisConnection, RedisConnection];
let stores: readonly [RedisReplayStore, RedisReplayStore];

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis(server.url);
  const connect = () => new RedisConnection(server.url, DEADLINE_MS);
  connections = [connect(), connect()];
  const [one, other] = connections;
  stores = [
    new RedisReplayStore(one, KEY_PREFIX, 'challenge'),
    new RedisReplayStore(other, KEY_PREFIX, 'challenge'),
  ];
  for (const connection of connections) await connection.open();
}, 30_000);

afterAll(async () => {
  for (const connection of connections) await connection.close();
  redis.disconnect();
  await server.close();
});

interface Proof {
  readonly jkt: string;
  readonly jti: string;
  readonly iat: number;
  readonly memory: string | undefined;
}

/** The master's data lies in database 0, the replica's in 1. */
const REPLICATE_SCRIPT = `
redis.call('SELECT', 1)
redis.call('FLUSHDB')
redis.call('SELECT', 0)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 1) end`;

/** ARGV: the run id of the replica, as which it answers from now on: what it has names another server. */
const PROMOTE_SCRIPT = `
redis.call('FLUSHDB')
redis.call('SELECT', 1)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 0) end
redis.call('SELECT', 0)
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TYPE', key).ok == 'string' then
    redis.call('SET', key, (string.gsub(redis.call('GET', key), '%x+$', ARGV[1])))
  end
end`;

/** ARGV: seconds. Redis has a clock of its own: instead of that, what it remembers is moved into the past. */
const AGE_SCRIPT = `
for database = 0, 1 do
  redis.call('SELECT', database)
  for _, key in ipairs(redis.call('KEYS', '*')) do
    local ttlMs = redis.call('PTTL', key)
    if ttlMs > 0 then redis.call('PEXPIRE', key, ttlMs - ARGV[1] * 1000) else
      local memory, since, server = string.match(redis.call('GET', key), '^(%S+) (%S+) (%S+)$')
      redis.call('SET', key, memory .. ' ' .. string.format('%d', since - ARGV[1]) .. ' ' .. server)
    end
  end
end`;

/** A fleet, its clients, and a Redis to which things happen. */
class World {
  readonly #proofs: Proof[] = [];
  readonly #accepted = new Set<Proof>();
  #nowSeconds = Date.now() / 1000;

  /** A client makes a proof, with a nonce of an instance or without, and keeps it. */
  make(client: number, instance: number, hasNonce: boolean): Proof {
    const jkt = hash('sha256', `client ${client}`, 'base64url');
    const memory = hasNonce ? this.#store(instance).memoryOf(jkt) : undefined;
    const proof = { jkt, jti: `${this.#proofs.length}`, iat: this.#nowSeconds, memory };
    this.#proofs.push(proof);
    return proof;
  }

  /** Whoever has it sends a proof, new or old. */
  async send(index: number, instance: number): Promise<void> {
    const proof = this.#proofs[index % this.#proofs.length];
    // What is not fresh does not get as far as the store.
    if (proof !== undefined && this.#nowSeconds <= proof.iat + MAX_AGE_SECONDS)
      await this.claim(proof, instance);
  }

  /** A client does as §8 says, and each of its tries may reach another instance. */
  async serve(client: number, instance: number, other: number, hasNonce: boolean): Promise<void> {
    const outcome = await this.claim(this.make(client, instance, hasNonce), instance);
    if (outcome === 'first') return;
    expect(outcome).toBe('unknown');
    expect(await this.claim(this.make(client, instance, true), other)).toBe('first');
  }

  async claim(proof: Proof, instance: number): Promise<ReplayOutcome> {
    const { jkt, jti, iat, memory } = proof;
    const outcome = await this.#store(instance).claim({
      id: hash('sha256', `${jkt}\0${jti}`, 'base64url'),
      jkt,
      nowSeconds: this.#nowSeconds,
      freshUntilSeconds: Math.ceil(iat + MAX_AGE_SECONDS),
      lifetimeSeconds: MAX_AGE_SECONDS + FUTURE_TOLERANCE_SECONDS,
      memory,
    });
    if (outcome !== 'first') return outcome;
    expect(this.#accepted.has(proof)).toBe(false);
    this.#accepted.add(proof);
    return outcome;
  }

  async wait(seconds: number): Promise<void> {
    this.#nowSeconds += seconds;
    await redis.eval(AGE_SCRIPT, 0, seconds);
  }

  #store(instance: number): RedisReplayStore {
    const store = stores[instance];
    if (store === undefined) throw new Error('there is no such instance');
    return store;
  }
}

const number = (max: number) => fc.nat({ max: max - 1 });
const events: fc.Arbitrary<(world: World) => unknown> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(number(CLIENTS), number(INSTANCES), number(INSTANCES), fc.boolean())
      .map((choice) => (world: World) => world.serve(...choice)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(number(CLIENTS), number(INSTANCES), fc.boolean())
      .map((choice) => (world: World) => world.make(...choice)),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(number(100), number(INSTANCES))
      .map((choice) => (world: World) => world.send(...choice)),
  },
  { weight: 1, arbitrary: number(100).map((seconds) => (world: World) => world.wait(seconds)) },
  { weight: 1, arbitrary: fc.constant(() => redis.eval(REPLICATE_SCRIPT, 0)) },
  { weight: 1, arbitrary: fc.constant(() => redis.eval(PROMOTE_SCRIPT, 0, randomBytes(20).toString('hex'))) },
  { weight: 1, arbitrary: fc.constant(() => redis.flushdb()) },
);

describe('F6 loss and recovery', () => {
  test('whatever is lost, and when: no proof is accepted twice, and who follows §8 is served', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(events, { minLength: 10, maxLength: 30 }), async (history) => {
        await redis.flushall();
        const world = new World();
        for (const event of history) await event(world);
      }),
      { numRuns: 60 },
    );
  }, 120_000);
});

describe('one store', () => {
  const jkt = hash('sha256', 'a client', 'base64url');
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claim: ReplayClaim = {
    id: hash('sha256', 'a claim', 'base64url'),
    jkt,
    nowSeconds,
    freshUntilSeconds: nowSeconds + MAX_AGE_SECONDS,
    lifetimeSeconds: MAX_AGE_SECONDS + FUTURE_TOLERANCE_SECONDS,
    memory: undefined,
  };
  let store: RedisReplayStore;

  beforeEach(async () => {
    await redis.flushdb();
    [store] = stores;
    await store.lookAtMemories();
  });

  test('F4: the record of a proof is kept for longer than the proof is fresh, and not for good', async () => {
    expect(await store.claim({ ...claim, memory: store.memoryOf(jkt) })).toBe('first');
    const records = await redis.keys(`${KEY_PREFIX}{*}:*`);
    expect(records).toHaveLength(1);
    for (const record of records) {
      expect(await redis.ttl(record)).toBeGreaterThan(MAX_AGE_SECONDS);
      expect(await redis.ttl(record)).toBeLessThan(MAX_AGE_SECONDS + 100);
    }
  });

  test('F2: what is stored tells neither jti nor key, and is as long for every client', async () => {
    await store.claim({ ...claim, memory: store.memoryOf(jkt) });
    const [record = ''] = await redis.keys(`${KEY_PREFIX}{*}:*`);
    expect(record).not.toContain(jkt);
    expect(Object.entries(await redis.hgetall(record)).join()).toMatch(/^[\w-]{16},[\w-]{9,14}$/);
  });

  test('F2: one client neither collides with another nor burns what is its', async () => {
    const other = hash('sha256', 'another client', 'base64url');
    expect(await store.claim({ ...claim, memory: store.memoryOf(jkt) })).toBe('first');
    const id = hash('sha256', 'the same jti of another client', 'base64url');
    expect(await store.claim({ ...claim, id, jkt: other, memory: store.memoryOf(other) })).toBe('first');
  });

  test('F6: a server that was replaced and does not know it takes no nonce of its successor for a proof', async () => {
    const memory = store.memoryOf(jkt);
    const markers = await redis.keys(`${KEY_PREFIX}{*}`);
    for (const marker of markers) {
      const [, , runId] = (await redis.get(marker))?.split(' ') ?? [];
      // Its memory is older, and as far as it knows complete since long ago.
      await redis.set(marker, `AAAAAAAB 1 ${runId}`);
    }
    expect(await store.claim({ ...claim, memory })).toBe('unknown');
    expect(await store.claim({ ...claim, memory: undefined })).toBe('first');
  });

  test('F6: the name of a memory never comes again, and later ones are greater', async () => {
    const names: string[] = [];
    for (let loss = 0; loss < 20; loss += 1) {
      names.push(store.memoryOf(jkt));
      await redis.flushdb();
      await store.lookAtMemories();
    }
    const numbers = names.map((name) => Buffer.from(name, 'base64url').readUIntBE(0, 6));
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test('F5: an answer that is not known is a failure', async () => {
    await redis.set(`${KEY_PREFIX}{${Buffer.from(jkt, 'base64url')[0]}}`, 'not a marker');
    expect(await store.claim(claim)).toBe('unknown');
    await redis.del(...(await redis.keys(`${KEY_PREFIX}{*}:*`)), 'none');
    await store.claim({ ...claim, memory: store.memoryOf(jkt) });
    const [record = ''] = await redis.keys(`${KEY_PREFIX}{*}:*`);
    await redis.set(record, 'not a record');
    await expect(store.claim({ ...claim, memory: store.memoryOf(jkt) })).rejects.toThrow(
      DpopUnavailableError,
    );
  });
});
