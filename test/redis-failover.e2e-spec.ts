import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Cluster } from 'ioredis';
import type { ReplayClaim, ReplayStore } from '../lib/index.js';
import { type RedisSource, RedisStorage } from '../lib/redis/index.js';
import { expectAnswersInTime } from './redis/expect-answers-in-time.js';
import { Fleet, type WorkerOptions } from './redis/fleet.js';
import { Load } from './redis/load.js';
import { ORIGIN, Party } from './redis/party.js';
import { RedisCluster } from './redis/redis-cluster.js';
import type { RedisServer } from './redis/redis-server.js';
import { SentinelGroup } from './redis/sentinel-group.js';
import { until } from './redis/until.js';

let party: Party;

beforeAll(async () => {
  party = await Party.gather(5);
});

/**
 * Under load, a replica that has fallen behind takes the place of its master: clients notice nothing but an outage, and
 * an attacker gets nothing.
 */
async function expectToSurvive(
  source: WorkerOptions['source'],
  findMaster: () => RedisServer | Promise<RedisServer>,
): Promise<void> {
  const { accessToken } = party.issuer;
  const fleet = await Fleet.start(3, { origin: ORIGIN, accessToken, source });
  const load = new Load(fleet.urls, party.members);
  try {
    await load.sees(200, 60);
    await fleet.takeAnswerTimes();
    const master = await findMaster();
    await master.cutOffReplicas();
    await load.sees(200, 40);
    const usedBefore = load.latest;
    await master.kill();
    await load.sees(503, 10);
    await load.sees(200, 60);
    await load.replay(usedBefore);
    await load.sees(200, 60);
    expectAnswersInTime(await fleet.takeAnswerTimes());
  } finally {
    await load.stop();
    await fleet.close();
  }
  expect(load.refusals).toStrictEqual([]);
  expect(load.acceptedReplays).toBe(0);
}

describe('a master with a replica, watched by sentinels (F6)', () => {
  let group: SentinelGroup;
  beforeAll(async () => {
    group = await SentinelGroup.start();
  }, 60_000);
  afterAll(() => group.close());

  test('a sentinel that hangs does not keep a service from its Redis', async () => {
    const [first] = group.sentinels;
    const storage = new RedisStorage(group.options);
    first?.freeze();
    try {
      await storage.open();
      await until('the master is found', () => storage.ping().then(() => true));
    } finally {
      first?.thaw();
      await storage.close();
    }
  }, 30_000);

  test('the master is lost and its replica promoted: no proof passes again, no client is refused', async () => {
    await expectToSurvive(group.options, () => group.master);
    expect(String(await group.replica.command('INFO', 'replication'))).toContain('role:master');
  }, 120_000);
});

describe('a Cluster of three masters with replicas (F6)', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 60_000);
  afterAll(() => cluster.close());

  test.each<[string, () => RedisSource, (source: RedisSource) => void]>([
    ['a Cluster that was handed in', () => new Cluster([...cluster.source.nodes]), endOf],
    ['nodes', () => cluster.source, () => {}],
  ])(
    '%s: each client has its place on one of the masters',
    async (_name, create, end) => {
      const source = create();
      const storage = new RedisStorage(source, { keyPrefix: 'spread:', deadlineMs: 10_000 });
      await storage.open();
      const claims = Array.from({ length: 60 }, (_, index) =>
        claimOf(`client ${index}`, storage.replayStore),
      );
      const claimAll = () => Promise.all(claims.map((claim) => storage.replayStore.claim(claim)));
      expect(new Set(await claimAll())).toEqual(new Set(['first']));
      expect(new Set(await claimAll())).toEqual(new Set(['replayed']));
      for (const master of cluster.masters) {
        expect(await master.command('KEYS', 'spread:{*}:*')).not.toStrictEqual([]);
      }
      await storage.close();
      end(source);
      for (const master of cluster.masters) await master.command('FLUSHALL');
    },
    30_000,
  );

  test('one master is lost and its replica promoted: no proof passes again, no client is refused', async () => {
    await expectToSurvive(cluster.source, () => cluster.busiestMaster('dpop:{*}:*'));
  }, 120_000);
});

function endOf(client: RedisSource): void {
  if (client instanceof Cluster) client.disconnect();
}

/** A proof of this client's, made under the present memory. */
function claimOf(client: string, store: ReplayStore): ReplayClaim {
  const jkt = hash('sha256', client, 'base64url');
  const nowSeconds = Math.floor(Date.now() / 1000);
  return {
    id: hash('sha256', `${client}\0jti`, 'base64url'),
    jkt,
    nowSeconds,
    proofTimeSeconds: nowSeconds,
    freshUntilSeconds: nowSeconds + 60,
    lifetimeSeconds: 90,
    epoch: store.epochOf(jkt),
  };
}
