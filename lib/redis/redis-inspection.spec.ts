import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RedisServer } from '../../test/redis/redis-server.js';
import { DENY_PROBE_SCRIPT } from './deny-log-scripts.js';
import { RedisConnection } from './redis-connection.js';
import { ACL_COMMANDS, DENY_LIST_COMMANDS } from './redis-failure.js';
import { inspectRedis } from './redis-inspection.js';
import { createScript, type RedisScript } from './redis-script.js';
import { PROBE_SCRIPT } from './setup-scripts.js';

const DEADLINE_MS = 10_000;
/** Without them no script is run at all. */
const BASIC = ['+evalsha', '+eval', '+info'];

let server: RedisServer;
const opened: RedisConnection[] = [];
let warnings: string[];

beforeAll(async () => {
  server = await RedisServer.start();
}, 30_000);
beforeEach(() => {
  warnings = [];
});
afterEach(async () => {
  for (const connection of opened.splice(0)) await connection.close();
});
afterAll(() => server.close());

async function open(user = '', Connection = RedisConnection): Promise<RedisConnection> {
  const connection = new Connection(`redis://${user}127.0.0.1:${server.port}`, DEADLINE_MS);
  opened.push(connection);
  await connection.open();
  return connection;
}

/** A user with these rights, on the keys of the prefix. */
async function openAs(...rights: readonly string[]): Promise<RedisConnection> {
  await server.command('ACL', 'SETUSER', 'api', 'reset', 'on', '>secret', '~dpop:*', '-@all', ...rights);
  return await open('api:secret@');
}

const inspect = (connection: RedisConnection) =>
  inspectRedis(connection, 'dpop:', (text) => warnings.push(text));
const rightsOf = (names: readonly string[]) => names.map((name) => `+${name}`);

describe('the inspection at start (I3)', () => {
  test('of a Redis that is well warns of nothing, and leaves nothing there', async () => {
    await inspect(await open());
    await inspect(await openAs(...rightsOf(ACL_COMMANDS)));
    expect(warnings).toEqual([]);
    expect(await server.command('KEYS', '*')).toEqual([]);
  });

  test('names the commands that the user lacks, and warns of nothing else', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    await inspect(await openAs(...BASIC, '+get', '+set'));
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect(warnings).toEqual([
      'Redis denies commands to its ACL user: allow +time +expire +exists +del +hset +hsetnx +hget +hexists +hgetall +hdel on the keys dpop:*; until then, the service answers 503 to each request that needs one of them, which may begin minutes after the start',
    ]);
  });

  test.each(ACL_COMMANDS.filter((name) => !BASIC.includes(`+${name}`)))('misses %s', async (name) => {
    await inspect(await openAs(...rightsOf(ACL_COMMANDS), `-${name}`));
    expect(warnings).toEqual([expect.stringContaining(`allow +${name}`)]);
  });

  test('says that records may be dropped', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    await inspect(await open());
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    expect(warnings).toEqual([
      'Redis drops records when its memory is full (maxmemory-policy volatile-lru), and the service then challenges all clients again: set maxmemory-policy noeviction',
    ]);
  });

  test('says what else is wrong, and lets the service start', async () => {
    await inspect(await openAs('+info'));
    expect(warnings).toEqual([
      `Redis denies its ACL user a command or a key: allow ${rightsOf(ACL_COMMANDS).join(' ')} on the keys of keyPrefix; until this is solved, the service answers 503 to requests that need Redis`,
    ]);
  });

  test('tells of a replica', async () => {
    const connection = await open();
    await server.command('REPLICAOF', '127.0.0.1', '1');
    try {
      await inspect(connection);
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE');
    }
    expect(warnings).toEqual([expect.stringContaining('this Redis is a replica')]);
  });

  test('tells of memory that is full', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await inspect(await open());
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
    }
    expect(warnings).toEqual([expect.stringContaining('Redis has reached maxmemory')]);
  });

  test('says nothing of a policy that Redis hides', async () => {
    class Hiding extends RedisConnection {
      override evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>): Promise<unknown> {
        return super.evaluate(
          createScript(script.source.replace('maxmemory_policy:', 'hidden:')),
          keys,
          args,
        );
      }
    }
    await inspect(await open('', Hiding));
    expect(warnings).toEqual([]);
  });

  test('ends the start on a Redis that hides its replication id', async () => {
    /** As a managed Redis would: its INFO has no such line. */
    class Hiding extends RedisConnection {
      override evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>): Promise<unknown> {
        const hidden = createScript(script.source.replaceAll('master_replid:', 'hidden:'));
        return super.evaluate(hidden, keys, args);
      }
    }
    await expect(inspect(await open('', Hiding))).rejects.toMatchObject({
      message: expect.stringContaining('this Redis hides its replication id') as unknown,
      cause: expect.objectContaining({ name: 'ReplyError' }) as unknown,
    });
    expect(warnings).toEqual([]);
  });

  test('uses one key, of the prefix and of one slot', async () => {
    const asked: (readonly [script: RedisScript, key: string])[] = [];
    class Noting extends RedisConnection {
      override evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>): Promise<unknown> {
        asked.push([script, keys.join()]);
        return super.evaluate(script, keys, args);
      }
    }
    await inspect(await open('', Noting));
    expect(asked[0]?.[0]).toBe(PROBE_SCRIPT);
    expect(asked.map(([, key]) => key)).toEqual(['dpop:{0}:probe', 'dpop:{0}:probe', 'dpop:{0}:probe']);
  });
});

describe('the probe of the deny-list (I3)', () => {
  const KEY = 'dpop:deny-list:probe';
  const probe = async (connection: RedisConnection) =>
    await connection.evaluate(DENY_PROBE_SCRIPT, [KEY], []);

  test('finds nothing where all is allowed, and leaves nothing that stays', async () => {
    expect(await probe(await openAs(...rightsOf(DENY_LIST_COMMANDS)))).toBe('');
    expect(await server.command('TTL', KEY)).toBeGreaterThan(0);
    await server.command('DEL', KEY);
  });

  test('names all that is denied', async () => {
    expect(await probe(await openAs(...BASIC))).toBe('+xadd +ttl +expire +xrange +xrevrange +xdel +xlen');
  });

  test('fails with what else is wrong', async () => {
    await server.command('SET', KEY, 'of another program');
    await expect(probe(await open())).rejects.toThrow('WRONGTYPE');
    await server.command('DEL', KEY);
  });
});
