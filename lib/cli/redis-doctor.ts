import type { Redis } from 'ioredis';
import { type Diagnosis, diagnoseClock, good, note, problem } from './diagnosis.js';
import { show } from './finding.js';

const KEY_PREFIX = 'dpop:';
const DEADLINE_MS = 3000;

type Info = ReadonlyMap<string, string>;

/**
 * Looks at a Redis as the storage of the service needs it. Writes one probe key, which it removes.
 *
 * @param source a URL, which may hold a password and is not shown
 */
export async function examineRedis(source: string): Promise<readonly Diagnosis[]> {
  // Both need ioredis, an optional peer.
  const loaded = await loadStorage();
  if (loaded === undefined)
    return [problem('ioredis is not installed, so that Redis cannot be asked', 'npm install ioredis')];
  const { createClient, RedisConnection, inspectRedis } = loaded;
  let client: Redis;
  try {
    client = createClient(source, DEADLINE_MS, '--redis') as Redis;
  } catch (error) {
    return [
      problem(
        error instanceof TypeError ? error.message : 'the URL of Redis is unusable',
        'give a URL such as redis://localhost:6379',
      ),
    ];
  }
  client.on('error', () => undefined);
  const connection = new RedisConnection(client, DEADLINE_MS);
  const warnings: string[] = [];
  try {
    await connection.open();
    await inspectRedis(connection, KEY_PREFIX, (text) => warnings.push(text));
    const found = warnings.map((text) => problem(text, 'see docs/replay-and-redis.md, "What Redis must be"'));
    return connection.isReady ? [good('it answers'), ...found, ...(await examineServer(client))] : found;
  } catch (error) {
    return [
      problem(
        error instanceof Error ? error.message : 'it cannot be used',
        'correct the Redis, or choose another one',
      ),
    ];
  } finally {
    await connection.close();
    client.disconnect();
  }
}

async function loadStorage() {
  try {
    const [{ createClient }, { RedisConnection }, { inspectRedis }] = await Promise.all([
      import('../redis/redis-source.js'),
      import('../redis/redis-connection.js'),
      import('../redis/redis-inspection.js'),
    ]);
    return { createClient, RedisConnection, inspectRedis };
  } catch {
    return undefined;
  }
}

/** What an ACL does not let us see is left out. */
async function examineServer(client: Redis): Promise<readonly Diagnosis[]> {
  const info = parseInfo(await client.info().catch(() => ''));
  const seconds = await client.time().then(
    ([value]) => Number(value),
    () => undefined,
  );
  return [
    ...(info.size === 0
      ? [note('it does not show INFO, so that memory and persistence are unknown', 'allow +info')]
      : []),
    ...diagnoseMemory(info),
    ...diagnoseRole(info),
    ...diagnosePersistence(info),
    ...(seconds === undefined ? [] : [diagnoseClock('Redis', seconds + 0.5 - Date.now() / 1000)]),
  ];
}

function diagnoseMemory(info: Info): readonly Diagnosis[] {
  const policy = info.get('maxmemory_policy');
  if (policy === undefined) return [];
  // `inspectRedis` reports any other policy.
  if (policy !== 'noeviction') return [];
  const max = info.get('maxmemory_human') ?? '';
  return info.get('maxmemory') === '0'
    ? [
        good('maxmemory-policy noeviction'),
        note('there is no maxmemory', 'set one, so that Redis does not take all memory of its machine'),
      ]
    : [good(`maxmemory-policy noeviction, maxmemory ${show(max)}`)];
}

function diagnoseRole(info: Info): readonly Diagnosis[] {
  const role = info.get('role');
  if (role === undefined) return [];
  if (role === 'master')
    return [good(`it is a master, Redis ${show(info.get('redis_version') ?? 'of an unknown version')}`)];
  return [
    problem(
      `it is a ${show(role)}, which takes no writes`,
      'give the URL of the master, or let Sentinel name it',
    ),
  ];
}

function diagnosePersistence(info: Info): readonly Diagnosis[] {
  const aof = info.get('aof_enabled');
  const changes = info.get('rdb_last_save_time');
  if (aof === undefined || changes === undefined) return [];
  if (info.get('rdb_last_bgsave_status') === 'err')
    return [
      problem(
        'its last snapshot failed, and it may refuse all writes',
        'look for a full disk, and read the log of Redis',
      ),
    ];
  if (aof === '1') return [good('appendonly is on: records outlive a restart')];
  return [
    note(
      'appendonly is off: after a restart the records are lost, and the service challenges clients once with a nonce',
      'set appendonly yes if that is too much; the records are safe either way',
    ),
  ];
}

function parseInfo(text: string): Info {
  return new Map(
    text.split('\r\n').flatMap((line): (readonly [string, string])[] => {
      const at = line.indexOf(':');
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}
