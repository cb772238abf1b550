import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { RedisOptions } from 'ioredis';
import { SERVER_SCRIPT } from '../lib/redis/claim-scripts.js';
import { RedisStorage } from '../lib/redis/index.js';
import { RedisConnection } from '../lib/redis/redis-connection.js';
import { inspectRedis } from '../lib/redis/redis-inspection.js';
import { createScript } from '../lib/redis/redis-script.js';
import { Certificate } from './redis/certificate.js';
import { ClockedFleet } from './redis/clocked-fleet.js';
import { RedisServer } from './redis/redis-server.js';

const servers = new Map<string, RedisServer>();
const certificate = Certificate.create();
const opened: { close(): unknown }[] = [];

async function startServer(name: string, options: Parameters<typeof RedisServer.start>[0] = {}) {
  servers.set(name, await RedisServer.start(options));
}

beforeAll(async () => {
  await startServer('open');
  await startServer('other');
  portOf('other');
  const open = servers.get('open');
  const setUser = (name: string, ...rules: string[]) =>
    open?.command('ACL', 'SETUSER', name, 'on', '>secret', '-@all', ...rules);
  await setUser('scriptless', '~dpop:*', '+info');
  await setUser(
    'poor',
    '~dpop:*',
    '+evalsha',
    '+eval',
    '+info',
    '+get',
    '+set',
    '+hget',
    '+hset',
    '+expire',
    '+del',
  );
  await setUser('elsewhere', '~other:*', '+@all');
  await open?.command('ACL', 'SETUSER', 'locked', 'on', '>secret', '~dpop:*', '+@all', '-info');
  await servers.get('other')?.command('REPLICAOF', '127.0.0.1', String(open?.port));
  if (certificate !== undefined) await startServer('tls', { tls: certificate });
}, 60_000);

afterEach(async () => {
  for (const { close } of opened.splice(0)) await close();
});

afterAll(async () => {
  for (const server of servers.values()) await server.close();
  certificate?.close();
});

function portOf(name: string): number {
  return servers.get(name)?.port ?? 0;
}

async function warningsOf(source: string | RedisOptions, deadlineMs = 10_000): Promise<readonly string[]> {
  const storage = new RedisStorage(source, { deadlineMs });
  opened.push({ close: () => storage.close() });
  const warnings: string[] = [];
  await storage.open((text) => warnings.push(text));
  return warnings;
}

/** What the operator reads with a 503 at run time. */
async function adviceOf(source: string | RedisOptions): Promise<unknown> {
  const storage = new RedisStorage(source, { deadlineMs: 10_000 });
  opened.push({ close: () => storage.close() });
  await storage.open();
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claim = storage.replayStore.claim({
    id: 'a'.repeat(43),
    jkt: 'b'.repeat(43),
    nowSeconds,
    proofTimeSeconds: nowSeconds,
    freshUntilSeconds: nowSeconds + 60,
    lifetimeSeconds: 90,
    epoch: undefined,
  });
  return await claim.then(
    () => undefined,
    ({ reason, advice }: { reason: string; advice: string }) => `${reason}: ${advice}`,
  );
}

describe('a Redis that cannot work is told of at start, and with each 503 (I3)', () => {
  const atOpen = (user = '') => `redis://${user}127.0.0.1:${portOf('open')}`;

  test.each<[string, () => string | RedisOptions, RegExp]>([
    ['an unknown user', () => atOpen('nobody:secret@'), /refuses the user name or the password/],
    ['a wrong password', () => atOpen('poor:wrong@'), /refuses the user name or the password/],
    [
      'a user without scripts',
      () => atOpen('scriptless:secret@'),
      /denies its ACL user a command or a key: allow \+evalsha/,
    ],
    ['a user without our keys', () => atOpen('elsewhere:secret@'), /denies its ACL user a command or a key/],
    ['a replica', () => `redis://127.0.0.1:${portOf('other')}`, /is a replica/],
    [
      'nothing',
      () => 'redis://127.0.0.1:1',
      /cannot be reached at 127\.0\.0\.1:1: nothing listens there \(ECONNREFUSED\)/,
    ],
    [
      'a host that is not known',
      () => 'redis://nowhere.invalid:6379',
      /the host name .*\((ENOTFOUND|EAI_AGAIN)\)/,
    ],
    [
      'a socket that is not there',
      () => '/nowhere/redis.sock',
      /at \/nowhere\/redis\.sock: there is no such socket \(ENOENT\)/,
    ],
    ['TLS to a port without', () => `rediss://127.0.0.1:${portOf('open')}`, /does this port speak TLS/],
  ])('%s', async (_name, source, words) => {
    expect(await warningsOf(source())).toEqual([expect.stringMatching(words)]);
    expect(await adviceOf(source())).toMatch(new RegExp(`^replay_store_unavailable: .*${words.source}`));
  });

  test('a password that is asked for', async () => {
    await startServer('locked', { settings: [] });
    await servers.get('locked')?.command('CONFIG', 'SET', 'requirepass', 'secret');
    const source = `redis://127.0.0.1:${portOf('locked')}`;
    expect(await warningsOf(source)).toEqual([expect.stringMatching(/asks for a password/)]);
    expect(await adviceOf(source)).toMatch(/asks for a password/);
  });

  test('a user who lacks commands: which', async () => {
    expect(await warningsOf(atOpen('poor:secret@'))).toEqual([
      expect.stringMatching(
        /allow \+time \+exists \+hsetnx \+hexists \+hgetall \+hdel on the keys dpop:\*; until then, the service answers 503 to each request that needs one/,
      ),
    ]);
  });

  test('one that hangs', async () => {
    servers.get('other')?.freeze();
    try {
      const [warning] = await warningsOf(`redis://127.0.0.1:${portOf('other')}`, 50);
      expect(warning).toMatch(/^Redis (cannot be reached|gave no answer)/);
    } finally {
      servers.get('other')?.thaw();
    }
  });

  test('one that is well: nothing', async () => {
    expect(await warningsOf(atOpen())).toStrictEqual([]);
  });

  test('one that is full refuses, by its own reason (F5)', async () => {
    await startServer('full', { settings: [['maxmemory', '1']] });
    const source = `redis://127.0.0.1:${portOf('full')}`;
    expect(await warningsOf(source)).toEqual([expect.stringMatching(/has reached maxmemory/)]);
    expect(await adviceOf(source)).toMatch(/^replay_store_full: Redis has reached maxmemory/);
  });

  test('one that hides its replication id ends the start', async () => {
    /** As a managed Redis would: its INFO has no such line. */
    class Hiding extends RedisConnection {
      override evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>): Promise<unknown> {
        const source = script.source.replaceAll('master_replid:', 'hidden:');
        return super.evaluate(script === SERVER_SCRIPT ? createScript(source) : script, keys, args);
      }
    }
    const hiding = new Hiding(atOpen(), 1000);
    opened.push({ close: () => hiding.close() });
    await hiding.open();
    await expect(inspectRedis(hiding, 'dpop:', () => {})).rejects.toThrow('hides its replication id');
  });
});

const describeTls = certificate === undefined ? describe.skip : describe;

describeTls('Redis over TLS', () => {
  const options = () => ({ host: '127.0.0.1', port: portOf('tls'), tls: { ca: certificate?.certificate } });

  test('serves, and refuses replays', async () => {
    const fleet = await ClockedFleet.create();
    opened.push({ close: () => fleet.close() });
    const one = await fleet.join({ source: options() });
    await fleet.join({ source: options(), platform: 'fastify' });
    const used = await fleet.use(one);
    expect((await fleet.replay([used])).map(({ status }) => status)).toEqual([401, 401]);
  });

  test.each<[string, () => string | RedisOptions, RegExp]>([
    [
      'a certificate that is not trusted',
      () => `rediss://127.0.0.1:${portOf('tls')}`,
      /is self-signed: set it as tls\.ca/,
    ],
    ['a plain connection', () => `redis://127.0.0.1:${portOf('tls')}`, /does this port speak TLS only/],
    [
      'a certificate for another host',
      () => ({ ...options(), tls: { ca: certificate?.certificate, servername: 'other.example.com' } }),
      /is for another host name/,
    ],
  ])('%s is told of', async (_name, source, words) => {
    expect(await warningsOf(source())).toEqual([expect.stringMatching(words)]);
  });
});
