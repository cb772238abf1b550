import type { RedisConnection as Connection } from '../redis/redis-connection.js';
import { createScript } from '../redis/redis-script.js';
import { type Diagnosis, diagnoseClock, good, note, problem } from './diagnosis.js';
import { show } from './finding.js';

const KEY_PREFIX = 'dpop:';
const DEADLINE_MS = 2000;
const WHERE = 'see "What Redis must be" in the page "Replay and Redis" of the documentation';

type Info = ReadonlyMap<string, string>;

/**
 * Looks at a Redis as the storage of the service needs it. Writes one probe key, which it removes.
 *
 * @param source a URL, which may hold a password and is not shown
 */
export async function examineRedis(source: string): Promise<readonly Diagnosis[]> {
  const loaded = await loadStorage();
  if (loaded === undefined)
    return [problem('ioredis is not installed, so that Redis cannot be asked', 'npm install ioredis')];
  const { RedisConnection, inspectRedis } = loaded;
  const warnings: string[] = [];
  let connection: Connection | undefined;
  try {
    connection = new RedisConnection(source, DEADLINE_MS, '--redis');
    await connection.open();
    await inspectRedis(connection, KEY_PREFIX, (text) => warnings.push(text));
    const found = warnings.map((text) => problem(text, WHERE));
    return connection.isReady ? [good('it answers'), ...found, ...(await examineServer(connection))] : found;
  } catch (error) {
    return [problem(error instanceof Error ? error.message : 'it cannot be used', WHERE)];
  } finally {
    await connection?.close();
  }
}

async function loadStorage() {
  try {
    const [{ RedisConnection }, { inspectRedis }] = await Promise.all([
      import('../redis/redis-connection.js'),
      import('../redis/redis-inspection.js'),
    ]);
    return { RedisConnection, inspectRedis };
  } catch {
    return undefined;
  }
}

/** Returns what Redis tells of itself. KEYS: any key. */
const INFO_SCRIPT = createScript("return redis.call('INFO')");
/** Returns the seconds of the clock of Redis. KEYS: any key. */
const TIME_SCRIPT = createScript("return tonumber(redis.call('TIME')[1])");

async function examineServer(connection: Connection): Promise<readonly Diagnosis[]> {
  const key = `${KEY_PREFIX}{0}:probe`;
  const info = parseInfo(await connection.evaluate(INFO_SCRIPT, [key], []));
  const seconds = await connection.evaluate(TIME_SCRIPT, [key], []);
  return [
    ...diagnoseMemory(info),
    ...diagnoseRole(info),
    ...diagnosePersistence(info),
    diagnoseClock('Redis', Number(seconds) + 0.5 - Date.now() / 1000),
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

function parseInfo(text: unknown): Info {
  return new Map(
    String(text)
      .split('\r\n')
      .flatMap((line): (readonly [string, string])[] => {
        const at = line.indexOf(':');
        return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
      }),
  );
}
