import { hash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisServer } from '../../test/redis/redis-server.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { ReplayClaim } from '../storage/replay.store.js';
import { formatClaimArgument } from './claim-argument.js';
import { ClaimKeys, partitionOf } from './claim-keys.js';
import { CLAIM_SCRIPT, SERVER_SCRIPT } from './claim-scripts.js';
import { RedisConnection } from './redis-connection.js';
import { RedisReplayStore } from './redis-replay.store.js';
import { createScript } from './redis-script.js';

const KEY_PREFIX = 'dpop:';
const DEADLINE_MS = 10_000;

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

  test('a proof without a nonce is first when it is later than any that is in doubt (F6)', async () => {
    const at = {
      nowSeconds: nowSeconds + 100,
      proofTimeSeconds: nowSeconds + 100,
      freshUntilSeconds: nowSeconds + 160,
    };
    const inSameHash = { ...claim, ...at, id: neighbour };
    expect(await store.claim({ ...claim, ...at })).toBe('first');
    expect(await store.claim(inSameHash)).toBe('first');
    expect(await store.claim(inSameHash)).toBe('replayed');
  });

  test('a proof without a nonce is in doubt although its hash is complete, unless the operator accepts that (F6)', async () => {
    expect(await claimWithNonce()).toBe('first');
    expect(await store.claim({ ...claim, id: neighbour })).toBe('unknown');
    const lenient = await createStore('accept');
    expect(await lenient.claim({ ...claim, id: neighbour })).toBe('first');
  });

  test('a claim whose reply was lost is first when it is sent again, and no other claim is (F1)', async () => {
    const connection = new RedisConnection(await connect(), DEADLINE_MS);
    const partition = partitionOf(jkt);
    const keys = new ClaimKeys(KEY_PREFIX).of(partition, claim);
    const send = (id: string, attempt: string) => {
      const argument = formatClaimArgument(
        { ...claim, id },
        'challenge',
        store.epochOf(jkt),
        keys.length,
        attempt,
      );
      return connection.evaluate(CLAIM_SCRIPT, keys, [argument]);
    };
    // The first claim of a hash takes the full path, the next one the fast path.
    for (const id of [claim.id, neighbour]) {
      expect(await send(id, 'attempt 1')).toBe('1');
      expect(await send(id, 'attempt 1')).toBe('1');
      expect(await send(id, 'attempt 2')).toBe('0');
      expect(await send(id, 'attempt 1')).toBe('1');
    }
  });

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

describe('which server answers (F6)', () => {
  const replicationId = async () =>
    /master_replid:([0-9a-f]{40})/.exec(String(await server.command('INFO', 'replication')))?.[1];
  let connection: RedisConnection;
  beforeAll(async () => {
    connection = new RedisConnection(await connect(), DEADLINE_MS);
  });

  test('is its replication id, which is another one after a promotion', async () => {
    const before = await connection.evaluate(SERVER_SCRIPT, ['dpop:{0}:probe'], []);
    expect(before).toBe(await replicationId());
    await redis.multi().replicaof('127.0.0.1', 1).replicaof('NO', 'ONE').exec();
    expect(await connection.evaluate(SERVER_SCRIPT, ['dpop:{0}:probe'], [])).not.toBe(before);
  });

  test('a replica does not', async () => {
    await server.command('REPLICAOF', '127.0.0.1', '1');
    try {
      await expect(connection.evaluate(SERVER_SCRIPT, ['dpop:{0}:probe'], [])).rejects.toThrow(
        'READONLY only a master has all records',
      );
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE');
    }
  });

  test.each([
    ['master_replid:', 'hidden:'],
    ['^%x+$', '^never$'],
  ])('a server without an id of this form does not: %s (I3)', async (part, other) => {
    const script = createScript(SERVER_SCRIPT.source.replaceAll(part, other));
    await expect(connection.evaluate(script, ['dpop:{0}:probe'], [])).rejects.toThrow(
      'NOREPLID INFO replication has no master_replid',
    );
  });
});
