import { hash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { RedisServer } from '../../test/redis/redis-server.js';
import type { ReplayOutcome } from '../storage/replay.store.js';
import { RedisConnection } from './redis-connection.js';
import { RedisReplayStore } from './redis-replay.store.js';

const KEY_PREFIX = 'dpop:';
const DEADLINE_MS = 10_000;
const CLIENTS = 3;

let server: RedisServer;
let redis: Redis;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
  redis = await connect();
}, 30_000);

afterAll(async () => {
  for (const resource of opened.toReversed()) await resource.close();
  await server.close();
});

/** A client that stays connected after error replies. */
async function connect(): Promise<Redis> {
  const client = new Redis(server.url);
  await once(client, 'ready');
  opened.push({ close: () => client.disconnect() });
  return client;
}

/** The options of one instance of a fleet, and the error of its clock. */
interface Rules {
  readonly maxAgeSeconds: number;
  readonly futureToleranceSeconds: number;
  readonly afterDataLoss: 'challenge' | 'accept';
  readonly clockOffsetSeconds: number;
}

class Instance {
  readonly store: RedisReplayStore;

  private constructor(
    readonly rules: Rules,
    readonly world: { nowSeconds: number },
    client: Redis,
  ) {
    this.store = new RedisReplayStore(new RedisConnection(client, DEADLINE_MS), {
      keyPrefix: KEY_PREFIX,
      afterDataLoss: rules.afterDataLoss,
      deadlineMs: DEADLINE_MS,
      clock: () => this.nowSeconds * 1000,
    });
  }

  static async start(rules: Rules, world: { nowSeconds: number }): Promise<Instance> {
    return new Instance(rules, world, await connect());
  }

  get nowSeconds(): number {
    return this.world.nowSeconds + this.rules.clockOffsetSeconds;
  }

  isFresh({ iat }: Proof): boolean {
    const { maxAgeSeconds, futureToleranceSeconds } = this.rules;
    return this.nowSeconds <= iat + maxAgeSeconds && iat <= this.nowSeconds + futureToleranceSeconds;
  }

  async claim({ jkt, jti, iat, epoch }: Proof): Promise<ReplayOutcome> {
    const { maxAgeSeconds, futureToleranceSeconds } = this.rules;
    const id = hash('sha256', `${jkt}\0${jti}`, 'base64url');
    return await this.store.claim({
      // Into two shards only, so that many records share a hash.
      id: `${id.slice(0, 16)}${'AB'.charAt(id.charCodeAt(16) % 2)}${id.slice(17)}`,
      jkt,
      nowSeconds: this.nowSeconds,
      proofTimeSeconds: Math.ceil(iat),
      freshUntilSeconds: Math.ceil(iat + maxAgeSeconds),
      lifetimeSeconds: maxAgeSeconds + futureToleranceSeconds,
      epoch,
    });
  }
}

interface Proof {
  readonly jkt: string;
  readonly jti: string;
  readonly iat: number;
  readonly epoch: string | undefined;
}

/** Database 0 has the data of the master, database 1 that of the replica. */
const REPLICATE_SCRIPT = `
redis.call('SELECT', 1)
redis.call('FLUSHDB')
redis.call('SELECT', 0)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 1) end`;

const RESTORE_SCRIPT = `
redis.call('FLUSHDB')
redis.call('SELECT', 1)
for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 0) end`;

/** Advances the clock of Redis: all keys expire earlier. ARGV: seconds. */
const AGE_SCRIPT = `
for database = 0, 1 do
  redis.call('SELECT', database)
  for _, key in ipairs(redis.call('KEYS', '*')) do
    local ttlMs = redis.call('PTTL', key)
    if ttlMs > 0 then redis.call('PEXPIRE', key, ttlMs - ARGV[1] * 1000) end
  end
end`;

/** Deletes a hash of records. ARGV: its number. */
const EVICT_SCRIPT = `
local hashes = redis.call('KEYS', '*}:*.*')
table.sort(hashes)
if #hashes > 0 then redis.call('DEL', hashes[ARGV[1] % #hashes + 1]) end`;

/** Clients, instances, and the events that happen to Redis. */
class World {
  readonly #instances: readonly Instance[];
  readonly #time: { nowSeconds: number };
  readonly #proofs: Proof[] = [];
  readonly #accepted = new Set<Proof>();

  constructor(instances: readonly Instance[], time: { nowSeconds: number }) {
    this.#instances = instances;
    this.#time = time;
  }

  /** A client creates a proof, with a nonce of an instance or without, and keeps it. */
  make(client: number, instance: number, hasNonce: boolean, aheadSeconds = 0): Proof {
    const jkt = hash('sha256', `client ${client}`, 'base64url');
    const epoch = hasNonce ? this.#instance(instance).store.epochOf(jkt) : undefined;
    const proof = { jkt, jti: `${this.#proofs.length}`, iat: this.#time.nowSeconds + aheadSeconds, epoch };
    this.#proofs.push(proof);
    return proof;
  }

  /** The client, or a thief, sends a proof for the first time or again. */
  async send(index: number, instance: number): Promise<void> {
    const proof = this.#proofs[index % this.#proofs.length];
    // A proof that is not fresh does not reach the store.
    if (proof !== undefined && this.#instance(instance).isFresh(proof)) await this.claim(proof, instance);
  }

  /** A client follows §8. Each of its two requests may reach another instance. */
  async serve(client: number, instance: number, other: number, hasNonce: boolean): Promise<void> {
    const outcome = await this.claim(this.make(client, instance, hasNonce), instance);
    if (outcome === 'first') return;
    expect(outcome).toBe('unknown');
    expect(await this.claim(this.make(client, instance, true), other)).toBe('first');
  }

  async claim(proof: Proof, index: number): Promise<ReplayOutcome> {
    const instance = this.#instance(index);
    const outcome = await instance.claim(proof);
    if (outcome !== 'first') return outcome;
    // With `accept`, the operator accepts replays after a loss.
    if (instance.rules.afterDataLoss === 'challenge') expect(this.#accepted.has(proof)).toBe(false);
    this.#accepted.add(proof);
    return outcome;
  }

  async wait(seconds: number): Promise<void> {
    this.#time.nowSeconds += seconds;
    await this.stepClock(seconds);
  }

  /** Only the clock of Redis advances. */
  async stepClock(seconds: number): Promise<void> {
    await redis.eval(AGE_SCRIPT, 0, seconds);
  }

  #instance(index: number): Instance {
    const instance = this.#instances[index % this.#instances.length];
    if (instance === undefined) throw new Error('there is no such instance');
    return instance;
  }
}

/** Promotes the replica in the process of its master: with the data of the replica, and with a new replication id. */
async function promote(): Promise<void> {
  await redis.eval(RESTORE_SCRIPT, 0);
  await redis.multi().replicaof('127.0.0.1', 1).replicaof('NO', 'ONE').exec();
}

const number = (max: number) => fc.nat({ max: max - 1 });
const events: fc.Arbitrary<(world: World) => unknown> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(number(CLIENTS), number(60), number(60), fc.boolean())
      .map((choice) => (world: World) => world.serve(...choice)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(number(CLIENTS), number(60), fc.boolean(), fc.integer({ min: -20, max: 20 }))
      .map((choice) => (world: World) => world.make(...choice)),
  },
  {
    weight: 7,
    arbitrary: fc.tuple(number(100), number(60)).map((choice) => (world: World) => world.send(...choice)),
  },
  { weight: 2, arbitrary: number(100).map((seconds) => (world: World) => world.wait(seconds)) },
  { weight: 1, arbitrary: fc.constant(() => redis.eval(REPLICATE_SCRIPT, 0)) },
  { weight: 1, arbitrary: fc.constant(promote) },
  { weight: 1, arbitrary: fc.constant(() => redis.flushdb()) },
  { weight: 1, arbitrary: number(400).map((seconds) => (world: World) => world.stepClock(seconds)) },
  { weight: 1, arbitrary: number(1000).map((which) => () => redis.eval(EVICT_SCRIPT, 0, which)) },
);

const DEFAULT: Rules = {
  maxAgeSeconds: 60,
  futureToleranceSeconds: 30,
  afterDataLoss: 'challenge',
  clockOffsetSeconds: 0,
};

describe('no proof is accepted twice, and a client that follows §8 is served (F4, F6)', () => {
  test.each<[string, readonly Partial<Rules>[]]>([
    ['instances alike', [{}, {}]],
    ['clocks that differ', [{ clockOffsetSeconds: -15 }, { clockOffsetSeconds: 15 }, {}]],
    ['another maxAgeSeconds', [{}, { maxAgeSeconds: 300 }, { maxAgeSeconds: 5, clockOffsetSeconds: -15 }]],
    [
      'another afterDataLoss',
      [{}, { afterDataLoss: 'accept' }, { maxAgeSeconds: 300, afterDataLoss: 'accept' }],
    ],
    [
      'all of that',
      [
        { clockOffsetSeconds: 15 },
        { maxAgeSeconds: 300, clockOffsetSeconds: -15 },
        { maxAgeSeconds: 300, afterDataLoss: 'accept' },
      ],
    ],
  ])(
    '%s: after every loss of Redis',
    async (_name, fleet) => {
      const time = { nowSeconds: Date.now() / 1000 };
      const instances = await Promise.all(
        fleet.map((rules) => Instance.start({ ...DEFAULT, ...rules }, time)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(events, { minLength: 10, maxLength: 40 }), async (history) => {
          await redis.flushall();
          const world = new World(instances, time);
          for (const event of history) await event(world);
        }),
        { numRuns: Number(process.env.REPLAY_HISTORIES ?? 40), endOnFailure: true },
      );
    },
    600_000,
  );
});
