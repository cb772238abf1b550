import { hash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { RedisServer } from '../../test/redis/redis-server.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { ReplayClaim, ReplayOutcome } from '../storage/replay.store.js';
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

describe('one store', () => {
  const jkt = hash('sha256', 'a client', 'base64url');
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claim: ReplayClaim = {
    id: hash('sha256', 'a claim', 'base64url'),
    jkt,
    nowSeconds,
    proofTimeSeconds: nowSeconds,
    freshUntilSeconds: nowSeconds + 60,
    lifetimeSeconds: 90,
    epoch: undefined,
  };
  const ledger = `${KEY_PREFIX}{${Buffer.from(jkt, 'base64url')[0]}}:ledger`;
  let store: RedisReplayStore;

  async function createStore(afterDataLoss: 'challenge' | 'accept'): Promise<RedisReplayStore> {
    return new RedisReplayStore(new RedisConnection(await connect(), DEADLINE_MS), {
      keyPrefix: KEY_PREFIX,
      afterDataLoss,
      deadlineMs: DEADLINE_MS,
      clock: () => nowSeconds * 1000,
    });
  }

  beforeAll(async () => {
    store = await createStore('challenge');
  });

  beforeEach(async () => {
    // Waits for a refresh of the test before, which the next call would otherwise join.
    await store.refreshEpochs();
    await redis.flushall();
    await store.refreshEpochs();
  });

  const claimWithNonce = (changes: Partial<ReplayClaim> = {}) =>
    store.claim({ ...claim, epoch: store.epochOf(jkt), ...changes });
  const hashes = () => redis.keys(`${KEY_PREFIX}{*}:*.*`);

  test('a record is kept until the last proof of its slice has expired, and then expires (F4)', async () => {
    expect(await claimWithNonce()).toBe('first');
    const records = await hashes();
    expect(records).toHaveLength(1);
    for (const record of records) {
      expect(await redis.ttl(record)).toBeGreaterThan(60 + 25);
      expect(await redis.ttl(record)).toBeLessThan(60 + 120 + 35);
    }
  });

  test('a hash is kept in the next epoch for as long as its mark says (F4)', async () => {
    await claimWithNonce({ freshUntilSeconds: nowSeconds + 300, lifetimeSeconds: 330 });
    await becomeAnother();
    await store.refreshEpochs();
    expect(await claimWithNonce({ id: neighbour })).toBe('first');
    const [record = ''] = await hashes();
    expect(await redis.ttl(record)).toBeGreaterThan(300);
  });

  test('an instance with a longer maxAgeSeconds extends the time for which a hash is kept (F4)', async () => {
    await claimWithNonce();
    const [record = ''] = await hashes();
    const before = await redis.ttl(record);
    const id = claim.id.slice(0, 15) + (claim.id[15] === 'A' ? 'B' : 'A') + claim.id.slice(16);
    expect(await claimWithNonce({ id, freshUntilSeconds: nowSeconds + 300, lifetimeSeconds: 330 })).toBe(
      'first',
    );
    expect((await redis.ttl(record)) - before).toBeGreaterThan(230);
  });

  test('a record reveals neither jti nor key, and has the same length for every client (F2)', async () => {
    await claimWithNonce();
    const [record = ''] = await hashes();
    expect(record).not.toContain(jkt);
    const { mark, ...records } = await redis.hgetall(record);
    expect(mark).toMatch(/^[\w-]{8}\d{15}$/);
    expect(Object.entries(records).join()).toMatch(/^[\w-]{16},[\w-]{9,14}$/);
  });

  test('a client cannot use up the jti of another client (F2)', async () => {
    const other = hash('sha256', 'another client', 'base64url');
    expect(await claimWithNonce()).toBe('first');
    const id = hash('sha256', 'the same jti of another client', 'base64url');
    expect(await claimWithNonce({ id, jkt: other, epoch: store.epochOf(other) })).toBe('first');
  });

  test('a jti in a second proof of another iat is a replay (F1)', async () => {
    expect(await claimWithNonce()).toBe('first');
    for (const age of [1, 29, 60]) {
      const again = { proofTimeSeconds: nowSeconds - age, freshUntilSeconds: nowSeconds - age + 60 };
      expect(await claimWithNonce(again)).toBe('replayed');
    }
  });

  test('each claim of one turn of the event loop has its own outcome, in calls of at most 64 (F1)', async () => {
    const ids = Array.from({ length: 150 }, (_, index) => hash('sha256', `claim ${index}`, 'base64url'));
    await Promise.all(ids.slice(0, 20).map((id) => claimWithNonce({ id })));
    await redis.config('RESETSTAT');
    const outcomes = await Promise.all([
      ...ids.map((id) => claimWithNonce({ id })),
      store.claim({ ...claim, id: hash('sha256', 'in doubt', 'base64url') }),
    ]);
    const expected = ids.map((_, index) => (index < 20 ? 'replayed' : 'first'));
    expect(outcomes).toEqual([...expected, 'unknown']);
    expect(await redis.info('commandstats')).toMatch(/cmdstat_evalsha:calls=3,/);
  });

  test('of the copies in one turn of the event loop, exactly one is first (F1)', async () => {
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => claimWithNonce()));
    expect(outcomes.filter((outcome) => outcome === 'first')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(199);
  });

  /** Another proof, whose record lies in the same hash. */
  const neighbour = `${claim.id.slice(0, 15)}${claim.id[15] === 'A' ? 'B' : 'A'}${claim.id.slice(16)}`;
  const becomeAnother = () => redis.multi().replicaof('127.0.0.1', 1).replicaof('NO', 'ONE').exec();

  test('another server does not accept nonces from before, even with the same data (F6)', async () => {
    const epoch = store.epochOf(jkt);
    expect(await store.claim({ ...claim, epoch })).toBe('first');
    await becomeAnother();
    expect(await store.claim({ ...claim, epoch, id: neighbour })).toBe('unknown');
    expect(await store.claim({ ...claim, epoch })).toBe('replayed');
    expect(await claimWithNonce({ id: neighbour })).toBe('first');
  });

  test('a proof of a forgotten slice is unknown to an instance that regards it as fresh (F4)', async () => {
    const longer = {
      nowSeconds: nowSeconds + 400,
      freshUntilSeconds: nowSeconds + 3600,
      lifetimeSeconds: 3630,
    };
    expect(await claimWithNonce()).toBe('first');
    await redis.del(...(await hashes()));
    const later = { proofTimeSeconds: nowSeconds + 400, freshUntilSeconds: nowSeconds + 460 };
    expect(await claimWithNonce({ ...later, nowSeconds: nowSeconds + 400, id: neighbour })).toBe('first');
    expect(await redis.hkeys(ledger)).toHaveLength(2);
    expect(await claimWithNonce(longer)).toBe('unknown');
    // A record that an instance with `accept` writes there does not make the hash complete.
    const lenient = await createStore('accept');
    const another = `-${neighbour.slice(1)}`;
    expect(await lenient.claim({ ...claim, ...longer, id: another })).toBe('first');
    expect(await lenient.claim({ ...claim, ...longer, id: another })).toBe('replayed');
    expect(await claimWithNonce(longer)).toBe('unknown');
    expect(await claimWithNonce({ ...longer, id: another })).toBe('replayed');
  });

  test('after a loss, a proof is in doubt if any instance could have accepted it before (F6)', async () => {
    const tolerant = { freshUntilSeconds: nowSeconds + 60, lifetimeSeconds: 360 };
    expect(await claimWithNonce(tolerant)).toBe('first');
    await becomeAnother();
    await store.refreshEpochs();
    const at = (seconds: number) => ({
      nowSeconds: nowSeconds + seconds,
      proofTimeSeconds: nowSeconds + seconds,
      freshUntilSeconds: nowSeconds + seconds + 60,
      epoch: undefined,
    });
    const id = (name: string) => hash('sha256', name, 'base64url');
    expect(await store.claim({ ...claim, ...at(320), id: id('one') })).toBe('unknown');
    expect(await store.claim({ ...claim, ...at(360), id: id('two') })).toBe('first');
  });

  test('a replaced server does not accept a nonce of its successor (F6)', async () => {
    const epoch = store.epochOf(jkt);
    const state = String(await redis.hget(ledger, 'state'));
    // Its epoch is older, and its ledger says that no proof is in doubt.
    await redis.hset(ledger, 'state', `${state.slice(0, 40)}AAAAAAAB0000000001${state.slice(58)}`);
    expect(await store.claim({ ...claim, epoch })).toBe('unknown');
    expect(await store.claim({ ...claim, epoch: undefined })).toBe('first');
  });

  test('the names of epochs grow and never repeat (F6)', async () => {
    const names: string[] = [];
    for (let loss = 0; loss < 20; loss += 1) {
      names.push(store.epochOf(jkt));
      await redis.flushdb();
      await store.refreshEpochs();
    }
    const numbers = names.map((name) => Buffer.from(name, 'base64url').readUIntBE(0, 6));
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test.each(['', 'nonsense', 'f'.repeat(40), `${'f'.repeat(40)}not a state at all`])(
    'a ledger with the state %j proves nothing (F6)',
    async (state) => {
      expect(await claimWithNonce()).toBe('first');
      await redis.hset(ledger, 'state', state);
      const id = hash('sha256', 'another claim', 'base64url');
      expect(await claimWithNonce({ id, epoch: undefined })).toBe('unknown');
      expect(await claimWithNonce({ id })).toBe('first');
    },
  );

  test('an error reply fails all claims of its call (F5)', async () => {
    await redis.set(ledger, 'not a ledger');
    await expect(claimWithNonce()).rejects.toThrow(DpopUnavailableError);
    await redis.del(ledger);
    expect(await claimWithNonce()).toBe('unknown');
    expect(await claimWithNonce()).toBe('first');
  });

  test('an unexpected reply is a failure (F5)', async () => {
    const client = await connect();
    const odd = new RedisReplayStore(new RedisConnection(client, DEADLINE_MS), {
      keyPrefix: KEY_PREFIX,
      afterDataLoss: 'challenge',
      deadlineMs: DEADLINE_MS,
      clock: () => nowSeconds * 1000,
    });
    for (const reply of ['2', '', '11', 'u', '1u', 1, null, ['1']]) {
      client.evalsha = () => Promise.resolve(reply) as ReturnType<Redis['evalsha']>;
      await expect(odd.claim(claim)).rejects.toThrow(DpopUnavailableError);
    }
  });
});

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
