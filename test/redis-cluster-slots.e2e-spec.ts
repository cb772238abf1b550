import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ReplayClaim } from '../lib/index.js';
import { RedisStorage } from '../lib/redis/index.js';
import { RedisCluster } from './redis/redis-cluster.js';
import type { RedisServer } from './redis/redis-server.js';
import { until } from './redis/until.js';

let cluster: RedisCluster;
let storage: RedisStorage;

beforeAll(async () => {
  cluster = await RedisCluster.start();
  storage = new RedisStorage(cluster.source, { deadlineMs: 10_000 });
  await storage.open();
}, 90_000);
afterAll(async () => {
  await storage.close();
  await cluster.close();
});

const CLIENT = hash('sha256', 'a client', 'base64url');
const LEDGER = `dpop:{${Buffer.from(CLIENT, 'base64url')[0]}}:ledger`;

function claimOf(jti: string, epoch: string | undefined, jkt = CLIENT): ReplayClaim {
  const nowSeconds = Math.floor(Date.now() / 1000);
  return {
    id: hash('sha256', `${jkt}\0${jti}`, 'base64url'),
    jkt,
    nowSeconds,
    proofTimeSeconds: nowSeconds,
    freshUntilSeconds: nowSeconds + 60,
    lifetimeSeconds: 90,
    epoch,
  };
}

/** As a client that follows §8 is served, once the Cluster is whole. */
async function expectService(jti: string): Promise<void> {
  const { replayStore } = storage;
  let tries = 0;
  await until('the store answers', async () => {
    tries += 1;
    return (await replayStore.claim(claimOf(`${jti}, ${tries}`, undefined))) !== 'replayed';
  });
  expect(await replayStore.claim(claimOf(`${jti}, again`, replayStore.epochOf(CLIENT)))).toBe('first');
}

async function useMany(count: number): Promise<ReplayClaim[]> {
  const { replayStore } = storage;
  const claims = Array.from({ length: count }, (_, index) =>
    claimOf(`${process.hrtime.bigint()}, ${index}`, replayStore.epochOf(CLIENT)),
  );
  expect(new Set(await Promise.all(claims.map((claim) => replayStore.claim(claim))))).toEqual(
    new Set(['first']),
  );
  return claims;
}

/** Whatever is answered meanwhile, a failure too: nothing that was used is first. */
async function expectNoReplay(used: readonly ReplayClaim[]): Promise<void> {
  const outcomes = used.map((claim) =>
    Promise.resolve(storage.replayStore.claim(claim)).catch(() => 'failed'),
  );
  for (const outcome of await Promise.all(outcomes))
    expect(['replayed', 'unknown', 'failed']).toContain(outcome);
}

async function ownerOf(slot: string): Promise<RedisServer> {
  for (const server of cluster.masters) {
    const slots = (await server.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const range = slots.find(([first, last]) => first <= Number(slot) && Number(slot) <= last);
    const owner = cluster.masters.find(({ port }) => port === range?.[2][1]);
    if (owner !== undefined) return owner;
  }
  throw new Error('nobody has the slot');
}

async function move(slot: string, target: RedisServer, during: () => Promise<void>): Promise<void> {
  const source = await ownerOf(slot);
  const [from, to] = [
    String(await source.command('CLUSTER', 'MYID')),
    String(await target.command('CLUSTER', 'MYID')),
  ];
  await target.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from);
  await source.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to);
  const keys = (await source.command('CLUSTER', 'GETKEYSINSLOT', slot, '1000')) as string[];
  const half = Math.ceil(keys.length / 2);
  for (const part of [keys.slice(0, half), keys.slice(half)]) {
    await source.command('MIGRATE', '127.0.0.1', String(target.port), '', '0', '5000', 'KEYS', ...part);
    await during();
  }
  // What was begun meanwhile.
  const rest = (await source.command('CLUSTER', 'GETKEYSINSLOT', slot, '1000')) as string[];
  if (rest.length > 0) {
    await source.command('MIGRATE', '127.0.0.1', String(target.port), '', '0', '5000', 'KEYS', ...rest);
  }
  for (const server of [target, source]) await server.command('CLUSTER', 'SETSLOT', slot, 'NODE', to);
}

describe('a Cluster whose slots move (F6)', () => {
  test('there and back again: no proof is first twice, and one retry serves', async () => {
    const slot = String(await cluster.masters[0]?.command('CLUSTER', 'KEYSLOT', LEDGER));
    const home = await ownerOf(slot);
    const away = cluster.masters.find((server) => server !== home) ?? home;
    await expectService('before');
    const used = await useMany(20);
    for (const [index, target] of [away, home, away].entries()) {
      await move(slot, target, () => expectNoReplay(used.slice(0, 3)));
      await expectService(`after move ${index}`);
      await expectNoReplay(used);
      used.push(...(await useMany(5)));
    }
    await expectNoReplay(used);
  }, 120_000);

  test('claims of many clients in one turn each find their slot', async () => {
    const clients = Array.from({ length: 300 }, (_, index) => hash('sha256', `client ${index}`, 'base64url'));
    const { replayStore } = storage;
    await replayStore.refreshEpochs();
    const claims = clients.map((jkt) => claimOf('one', replayStore.epochOf(jkt), jkt));
    expect(new Set(await Promise.all(claims.map((claim) => replayStore.claim(claim))))).toEqual(
      new Set(['first']),
    );
    expect(new Set(await Promise.all(claims.map((claim) => replayStore.claim(claim))))).toEqual(
      new Set(['replayed']),
    );
  });
});
