import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { DpopModuleOptions, RevocableToken } from '../lib/index.js';
import { RedisDenyList, type RedisDenyListOptions, type RedisSource } from '../lib/redis/index.js';
import { DENY_LIST_COMMANDS } from '../lib/redis/redis-failure.js';
import { Fleet } from './redis/fleet.js';
import { type Member, ORIGIN, Party, send, sign } from './redis/party.js';
import { RedisCluster } from './redis/redis-cluster.js';
import { RedisServer } from './redis/redis-server.js';
import { SentinelGroup } from './redis/sentinel-group.js';
import { until } from './redis/until.js';
import { PLATFORMS } from './support/platforms.js';
import { startRecordingApp } from './support/recording-app.js';

const OPTIONS = { maxTokenLifetimeSeconds: 3600 } as const;
const REVOKED = { status: 401, message: 'The access token has been revoked' };

let party: Party;
const opened: { close(): unknown }[] = [];

beforeAll(async () => {
  party = await Party.gather(3);
});
afterEach(async () => {
  for (const resource of opened.splice(0).toReversed()) await resource.close();
}, 60_000);

async function open<T extends { close(): unknown }>(resource: Promise<T>): Promise<T> {
  const ready = await resource;
  opened.push(ready);
  return ready;
}

async function openList(source: RedisSource, options: Partial<RedisDenyListOptions> = {}) {
  const list = new RedisDenyList(source, { ...OPTIONS, ...options });
  opened.push(list);
  await list.open();
  return list;
}

const callWith = async (member: Member, url: string) => await send(url, await sign(member, undefined));

describe('three processes that share nothing but Redis (B9)', () => {
  test('refuse a token that they have just accepted, whatever Redis goes through', async () => {
    const redis = await open(RedisServer.start());
    const fleet = await open(
      Fleet.start(3, {
        origin: ORIGIN,
        accessToken: party.issuer.accessToken,
        source: redis.url,
        // It is about the deny-list: proofs of before a loss need no nonce.
        storage: { afterDataLoss: 'accept' },
        denyList: OPTIONS,
      }),
    );
    const [alice, bob, carol] = party.members as [Member, Member, Member];
    const becomes = (member: Member, status: number) =>
      until(`all answer ${status}`, async () => {
        const answers = await Promise.all(fleet.urls.map((url) => callWith(member, url)));
        return answers.every((answer) => answer.status === status);
      });
    const isRefused = async (member: Member) => {
      for (const url of fleet.urls) expect(await callWith(member, url)).toMatchObject(REVOKED);
    };

    // The second request of each is served from the cache of tokens.
    for (let round = 0; round < 2; round += 1) {
      for (const member of party.members) await becomes(member, 200);
    }
    const writer = await openList(redis.url);
    await writer.revoke({ jkt: alice.client.jkt });
    await becomes(alice, 401);
    await isRefused(alice);
    await becomes(bob, 200);

    // Redis comes back empty, and the writer is gone: the fleet has the entry, and writes it back.
    await writer.close();
    await redis.kill();
    await becomes(bob, 503);
    await isRefused(alice);
    await redis.forget();
    await redis.up();
    await becomes(bob, 200);
    await isRefused(alice);
    const late = await openList(redis.url);
    await until('the entry is back in Redis', async () => {
      await late.refresh();
      return late.size === 1;
    });
    await late.revoke({ jkt: bob.client.jkt });
    await becomes(bob, 401);
    await isRefused(alice);
    await becomes(carol, 200);
  }, 120_000);
});

test('a user with the rights that docs/revocation.md lists is enough, and no right is too much (I3)', async () => {
  const page = readFileSync(new URL('../docs/revocation.md', import.meta.url), 'utf8');
  const [, line = ''] = /ACL SETUSER api (.*)$/m.exec(page) ?? [];
  const rights = line.split(' ');
  expect(rights).toEqual(DENY_LIST_COMMANDS.map((name) => `+${name}`));
  const redis = await open(RedisServer.start());
  await redis.command('ACL', 'SETUSER', 'api', 'on', '>secret', '~dpop:*', '-@all', ...rights);
  const source = `redis://api:secret@127.0.0.1:${redis.port}`;
  const warnings: string[] = [];
  const openWarned = async () => {
    const list = new RedisDenyList(source, OPTIONS);
    opened.push(list);
    await list.open((text) => warnings.push(text));
    return list;
  };
  const list = await openWarned();
  await list.revoke({ jkt: 'a' });
  await list.refresh();
  expect(warnings).toStrictEqual([]);
  for (const right of rights.filter((name) => name.startsWith('+x') || ['+ttl', '+expire'].includes(name))) {
    await redis.command('ACL', 'SETUSER', 'api', right.replace('+', '-'));
    await openWarned();
    expect(warnings.splice(0).join()).toContain(right);
    await redis.command('ACL', 'SETUSER', 'api', right);
  }
}, 60_000);

describe.each(PLATFORMS)('Redis is away, on %s (B9, D8)', (platform) => {
  async function start(redis: RedisServer, dpop: Partial<DpopModuleOptions> = {}) {
    const revocation = new RedisDenyList(redis.url, { ...OPTIONS, maxStalenessMs: 400, deadlineMs: 100 });
    const { accessToken } = party.issuer;
    const app = await open(
      startRecordingApp(platform, { dpop: { origin: ORIGIN, accessToken, revocation, ...dpop } }),
    );
    return { revocation, url: `${app.url}/transfers` };
  }

  test('503 once the copy is too old, and for a token that is known as revoked the refusal; then all is well', async () => {
    const redis = await open(RedisServer.start());
    const { url, revocation } = await start(redis);
    const [alice, bob] = party.members as [Member, Member];
    await until('it is served', async () => (await callWith(bob, url)).status === 200);
    await revocation.revoke({ jkt: alice.client.jkt });
    for (const stop of ['kill', 'freeze'] as const) {
      await redis[stop]();
      await until('it is unavailable', async () => (await callWith(bob, url)).status === 503);
      expect(await callWith(alice, url)).toMatchObject(REVOKED);
      if (stop === 'kill') await redis.up();
      else redis.thaw();
      await until('it is served', async () => (await callWith(bob, url)).status === 200);
      expect(await callWith(alice, url)).toMatchObject(REVOKED);
    }
  }, 60_000);

  test('passes by option, but for the tokens that are known as revoked', async () => {
    const redis = await open(RedisServer.start());
    const { url, revocation } = await start(redis, { onRevocationFailure: 'accept-and-report' });
    const [alice, bob] = party.members as [Member, Member];
    await revocation.revoke({ jkt: alice.client.jkt });
    await redis.kill();
    await until('Redis is away', () =>
      revocation.ping().then(
        () => false,
        () => true,
      ),
    );
    expect(await callWith(bob, url)).toMatchObject({ status: 200 });
    expect(await callWith(alice, url)).toMatchObject(REVOKED);
  }, 60_000);

  test('entries that are written while an instance is disconnected are known once it is back', async () => {
    const redis = await open(RedisServer.start());
    const { url } = await start(redis);
    const writer = await openList(redis.url);
    const [alice, bob] = party.members as [Member, Member];
    await until('it is served', async () => (await callWith(alice, url)).status === 200);
    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('it is written', () => writer.revoke({ jkt: alice.client.jkt }).then(() => true));
    await until('it is refused', async () => (await callWith(alice, url)).message === REVOKED.message);
    expect(await callWith(bob, url)).toMatchObject({ status: 200 });
  }, 60_000);
});

describe('a failover to a replica that lacks the last entries (B9)', () => {
  const tokenOf = (sub: string): RevocableToken => {
    const iat = Math.floor(Date.now() / 1000) - 60;
    const issuer = party.issuer.issuer;
    return { claims: { iat, exp: iat + 600 }, issuer, subject: sub, clientId: undefined, jkt: undefined };
  };
  const SUBJECTS = ['before', 'lost', 'after', 'nobody'];
  const refusedBy = async (list: RedisDenyList) => {
    await until('it can say', () => list.refresh().then(() => true));
    const refused: string[] = [];
    for (const sub of SUBJECTS) if (await list.isRevoked(tokenOf(sub))) refused.push(sub);
    return refused;
  };

  async function expectToSurvive(
    source: RedisSource,
    findMaster: (keyPrefix: string) => Promise<RedisServer>,
  ) {
    const keyPrefix = `${randomUUID()}:`;
    const { issuer } = party.issuer;
    const [writer, other] = [await openList(source, { keyPrefix }), await openList(source, { keyPrefix })];
    await until('it is written', () => writer.revoke({ issuer, sub: 'before' }).then(() => true));
    await other.refresh();
    const master = await findMaster(keyPrefix);
    await master.command('WAIT', '1', '5000');
    await master.cutOffReplicas();
    await writer.revoke({ issuer, sub: 'lost' });
    await master.kill();
    await until('another takes its place', () => other.revoke({ issuer, sub: 'after' }).then(() => true));
    expect(await refusedBy(writer)).toEqual(['before', 'lost', 'after']);
    expect(await refusedBy(other)).toEqual(['before', 'lost', 'after']);
    const late = await openList(source, { keyPrefix });
    expect(await refusedBy(late)).toEqual(['before', 'lost', 'after']);
  }

  test('with Sentinel', async () => {
    const group = await open(SentinelGroup.start());
    await expectToSurvive(group.options, () => Promise.resolve(group.master));
  }, 120_000);

  test('in a Cluster', async () => {
    const cluster = await open(RedisCluster.start());
    await expectToSurvive(cluster.source, (keyPrefix) => cluster.busiestMaster(`${keyPrefix}*`));
  }, 120_000);
});
