import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Fleet, type WorkerOptions } from './redis/fleet.js';
import { Load } from './redis/load.js';
import { ORIGIN, Party } from './redis/party.js';
import { RedisCluster } from './redis/redis-cluster.js';
import type { RedisServer } from './redis/redis-server.js';
import { SentinelGroup } from './redis/sentinel-group.js';

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
    const master = await findMaster();
    await master.cutOffReplicas();
    await load.sees(200, 40);
    const usedBefore = load.latest;
    await master.kill();
    await load.sees(503, 10);
    await load.sees(200, 60);
    await load.replay(usedBefore);
    await load.sees(200, 60);
  } finally {
    await load.stop();
    await fleet.close();
  }
  expect(load.refusals).toEqual([]);
  expect(load.acceptedReplays).toBe(0);
}

describe('F6: a master with a replica, watched by sentinels', () => {
  let group: SentinelGroup;
  beforeAll(async () => {
    group = await SentinelGroup.start();
  }, 60_000);
  afterAll(() => group.close());

  test('the master is lost and its replica promoted: no proof passes again, no client is refused', async () => {
    await expectToSurvive(group.options, () => group.master);
    expect(String(await group.replica.command('INFO', 'replication'))).toContain('role:master');
  }, 120_000);
});

describe('F6: a Cluster of three masters with replicas', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 60_000);
  afterAll(() => cluster.close());

  test('one master is lost and its replica promoted: no proof passes again, no client is refused', async () => {
    await expectToSurvive(cluster.source, () => cluster.busiestMaster('dpop:{*}:*'));
  }, 120_000);
});
