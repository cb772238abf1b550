import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClockedFleet, RENEW, REPLAYED } from './redis/clocked-fleet.js';
import type { SignedRequest } from './redis/party.js';
import { RedisServer } from './redis/redis-server.js';
import { canStepClocks, SteppedClock } from './redis/stepped-clock.js';
import { until } from './redis/until.js';
import type { RecordingApp } from './support/recording-app.js';

let fleet: ClockedFleet;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  fleet = await ClockedFleet.create();
});

afterEach(async () => {
  await fleet.close();
  for (const resource of opened.splice(0).toReversed()) await resource.close();
});

async function startRedis(options: Parameters<typeof RedisServer.start>[0] = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options);
  opened.push(server);
  return server;
}

/** Enough of them that most hashes of a client's slice are begun. */
async function useMany(app: RecordingApp, count = 40): Promise<SignedRequest[]> {
  const requests: SignedRequest[] = [];
  for (let index = 0; index < count; index += 1) requests.push(await fleet.use(app));
  return requests;
}

const statuses = async (requests: readonly SignedRequest[]) =>
  new Set((await fleet.replay(requests)).map(({ status, message }) => `${status} ${message}`));

const describeStepped = canStepClocks() ? describe : describe.skip;

describeStepped('the clock of Redis (F4, F6)', () => {
  async function startStepped() {
    const clock = await SteppedClock.create();
    opened.push(clock);
    const redis = await startRedis({ environment: clock.environment });
    /** Time goes on, for everybody. */
    let passed = 0;
    const pass = async (seconds: number) => {
      passed += seconds;
      fleet.nowSeconds += seconds;
      await clock.stepTo(passed);
    };
    return { clock, redis, pass };
  }

  test('is what the test steps', async () => {
    const { clock, redis } = await startStepped();
    const timeOf = async () => Number(((await redis.command('TIME')) as unknown[])[0]);
    const before = await timeOf();
    await clock.stepTo(1000);
    expect((await timeOf()) - before).toBeGreaterThanOrEqual(1000);
    expect((await timeOf()) - before).toBeLessThan(1100);
  });

  test.each([200, 3600, 86_400 * 365])(
    'steps forward by %d seconds: no proof passes again',
    async (seconds) => {
      const { clock, redis } = await startStepped();
      const one = await fleet.join({ source: redis.url });
      const other = await fleet.join({ source: redis.url, platform: 'fastify' });
      const used = await useMany(one);
      expect(await statuses(used)).toEqual(new Set([`401 ${REPLAYED}`]));
      await clock.stepTo(seconds);
      expect(await fleet.serve(one, other)).toMatchObject({ status: 200 });
      const refusals = await statuses(used);
      for (const refusal of refusals) expect([`401 ${REPLAYED}`, `401 ${RENEW}`]).toContain(refusal);
      for (let tries = 0; tries < 10; tries += 1)
        expect(await fleet.serve(other, one)).toMatchObject({ status: 200 });
    },
  );

  test.each([-200, -86_400])(
    'steps back by %d seconds: no proof passes again, and no client is refused',
    async (seconds) => {
      const { clock, redis } = await startStepped();
      const app = await fleet.join({ source: redis.url });
      const used = await useMany(app, 10);
      await clock.stepTo(seconds);
      expect(await statuses(used)).toEqual(new Set([`401 ${REPLAYED}`]));
      expect(await fleet.serve(app)).toMatchObject({ status: 200 });
    },
  );

  test('steps after a flush: the doubt does not end early', async () => {
    const { clock, redis } = await startStepped();
    const app = await fleet.join({ source: redis.url });
    const used = await useMany(app, 10);
    await redis.command('FLUSHALL');
    expect(await fleet.serve(app)).toMatchObject({ status: 200 });
    await clock.stepTo(1000);
    expect(await statuses(used)).toEqual(new Set([`401 ${RENEW}`]));
  });

  test.each([
    ['proof.maxAgeSeconds raised from 60 to 300', { proof: { maxAgeSeconds: 300 } }],
    ['proof.maxAgeSeconds raised from 60 to 3600', { proof: { maxAgeSeconds: 3600 } }],
    ['and the tolerance', { proof: { maxAgeSeconds: 300, futureToleranceSeconds: 300 } }],
  ])('a rolling deployment: %s; what was used under the old one passes under none', async (_name, rules) => {
    const { redis, pass } = await startStepped();
    const old = await fleet.join({ source: redis.url });
    const young = await fleet.join({ source: redis.url, ...rules });
    const used = await useMany(old, 10);
    for (let age = 0; age < 290; age += 58) {
      const answers = await fleet.replay(used);
      expect(answers.filter(({ status }) => status !== 401)).toStrictEqual([]);
      expect(await fleet.serve(young, old)).toMatchObject({ status: 200 });
      expect(await fleet.serve(old, young)).toMatchObject({ status: 200 });
      await pass(58);
    }
  });

  test('freshness by nonce: no proof passes again for as long as its nonce is good', async () => {
    const { redis, pass } = await startStepped();
    const nonce = { mode: 'required', freshness: 'nonce' } as const;
    const one = await fleet.join({ source: redis.url, nonce });
    const other = await fleet.join({ source: redis.url, nonce, platform: 'fastify' });
    const used = await useMany(one, 20);
    for (let age = 0; age < 400; age += 50) {
      expect((await fleet.replay(used)).filter(({ status }) => status !== 401)).toStrictEqual([]);
      expect(await fleet.serve(one, other)).toMatchObject({ status: 200 });
      await pass(50);
    }
  });

  test('freshness by nonce: the clock of Redis steps, and no proof passes again', async () => {
    const { clock, redis } = await startStepped();
    const app = await fleet.join({ source: redis.url, nonce: { mode: 'required', freshness: 'nonce' } });
    const used = await useMany(app, 20);
    await clock.stepTo(3600);
    expect((await fleet.replay(used)).filter(({ status }) => status !== 401)).toStrictEqual([]);
    expect(await fleet.serve(app)).toMatchObject({ status: 200 });
  });

  test.each([
    ['to the nonce', undefined, { mode: 'required', freshness: 'nonce' }],
    ['to iat', { mode: 'required', freshness: 'nonce' }, undefined],
  ] as const)(
    'freshness is switched %s on a live fleet: no proof passes again',
    async (_name, before, after) => {
      const { redis, pass } = await startStepped();
      const old = await fleet.join({ source: redis.url, ...(before !== undefined && { nonce: before }) });
      const used = await useMany(old, 10);
      await fleet.join({ source: redis.url, ...(after !== undefined && { nonce: after }) });
      for (let age = 0; age < 400; age += 50) {
        expect((await fleet.replay(used)).filter(({ status }) => status !== 401)).toStrictEqual([]);
        await pass(50);
      }
    },
  );
});

describe('failback: a master that was replaced takes its place again, in the same process (F6)', () => {
  const isLinked = async (server: RedisServer) =>
    String(await server.command('INFO', 'replication')).includes('master_link_status:up');
  const follow = async (server: RedisServer, master: RedisServer) => {
    await server.command('REPLICAOF', '127.0.0.1', String(master.port));
    await until('the replica follows', () => isLinked(server));
  };

  test.each([
    ['nobody asks the other one meanwhile', false],
    ['the other one serves meanwhile', true],
  ])(
    '%s; what only the first acknowledged passes at none',
    async (_name, isServed) => {
      const [a, b] = [await startRedis(), await startRedis()];
      await follow(b, a);
      const app = await fleet.join({ source: a.url });
      await until('the app is served', async () => (await fleet.serve(app)).status === 200);
      await a.cutOffReplicas();
      const used = await useMany(app, 20);
      await b.command('REPLICAOF', 'NO', 'ONE');
      const meanwhile: SignedRequest[] = [];
      if (isServed) meanwhile.push(...(await useMany(await fleet.join({ source: b.url }), 5)));
      const runId = async () => /run_id:(\w+)/.exec(String(await a.command('INFO', 'server')))?.[1];
      const before = await runId();
      await follow(a, b);
      await a.command('REPLICAOF', 'NO', 'ONE');
      expect(await runId()).toBe(before);
      await until('the app has Redis again', async () => (await fleet.nonceOf(app)) !== undefined);
      // Not those that failed, while the connection was made anew.
      const accepted: unknown[] = [];
      await until('each replay is refused', async () => {
        const answers = await fleet.replay([...used, ...meanwhile]);
        accepted.push(...answers.filter(({ status }) => status === 200));
        return answers.every(({ status }) => status === 401 || status === 200);
      });
      expect(accepted).toStrictEqual([]);
      expect(await fleet.serve(app)).toMatchObject({ status: 200 });
    },
    60_000,
  );
});

describe('a restart with an append-only file (F6)', () => {
  test('proves nothing of what was not written: no proof passes again, one retry serves', async () => {
    const redis = await startRedis({
      settings: [
        ['appendonly', 'yes'],
        ['appendfsync', 'no'],
      ],
    });
    const app = await fleet.join({ source: redis.url });
    const used = await useMany(app, 20);
    await redis.kill();
    await redis.up();
    await until(
      'it is back',
      async () => (await fleet.nonceOf(app)) !== undefined && (await fleet.serve(app)).status === 200,
    );
    expect((await fleet.replay(used)).filter(({ status }) => status !== 401)).toStrictEqual([]);
  });
});
