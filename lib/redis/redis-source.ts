import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { fail } from '../errors/option-asserts.js';

/** An ioredis client of the app's own, or how to make one: options, a URL, or the nodes of a cluster. */
export type RedisSource = Redis | Cluster | string | RedisOptions | RedisClusterSource;

export interface RedisClusterSource {
  readonly nodes: readonly ClusterNode[];
  readonly options?: ClusterOptions;
}

/** A connection that has been silent for so many deadlines is given up, and the master looked for anew. */
const SILENT_DEADLINES = 3;

const ACCEPTED =
  'given a URL such as "redis://localhost:6379" ("rediss://…" for TLS), the absolute path of a socket, ioredis options, { nodes, options }, or an ioredis client or cluster';

export function isClient(source: RedisSource): source is Redis | Cluster {
  return typeof (source as Partial<Redis> | undefined | null)?.evalsha === 'function';
}

/**
 * Makes a client that fails soon and repeats nothing by itself.
 *
 * @throws TypeError that names the accepted forms
 */
export function createClient(
  source: string | RedisOptions | RedisClusterSource,
  deadlineMs: number,
): Redis | Cluster {
  const silenceMs = SILENT_DEADLINES * deadlineMs;
  const defaults = {
    connectTimeout: 1000,
    // A server that was demoted, or a sentinel that hangs: closed soon, and the master looked for anew.
    disconnectTimeout: silenceMs,
    sentinelCommandTimeout: silenceMs,
    sentinelReconnectStrategy: () => 1000,
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    maxLoadingRetryTime: 500,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  } satisfies RedisOptions;
  const ours = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    failoverDetector: true,
    // What is asked in one turn of the event loop goes out in one write.
    enableAutoPipelining: true,
    socketTimeout: silenceMs,
  } as const satisfies RedisOptions;
  if (typeof source === 'string') {
    assertUrl(source);
    return new Redis(source, { ...defaults, ...ours });
  }
  if (typeof source !== 'object' || source === null) fail('RedisStorage', ACCEPTED);
  if (!isClusterSource(source)) return new RedisOfOptions({ ...defaults, ...source, ...ours });
  const { nodes, options } = source;
  const { connectTimeout, disconnectTimeout } = defaults;
  return new ClusterOfOptions([...nodes], {
    slotsRefreshInterval: 1000,
    ...options,
    lazyConnect: true,
    enableOfflineQueue: false,
    redisOptions: {
      connectTimeout,
      disconnectTimeout,
      ...options?.redisOptions,
      socketTimeout: ours.socketTimeout,
    },
  });
}

/** ioredis takes what it cannot parse for a path or a host, and then connects to somewhere else, or to nothing. */
function assertUrl(source: string): void {
  if (source.startsWith('/') && source.length > 1) return;
  if (/^rediss?:\/\//i.test(source) && URL.canParse(source) && new URL(source).hostname !== '') return;
  // A password may stand in it.
  const isSecret = source.includes('@');
  const isAddress = /^[\w.-]+(:\d+)?(\/\d*)?$/.test(source);
  const hint = isAddress ? `; did you mean "redis://${source}"?` : '';
  fail('RedisStorage', `${ACCEPTED}${hint}`, isSecret ? undefined : { value: source });
}

/** The declarations of ioredis 6 tell clients apart by how they map replies, which no script here depends on. */
const RedisOfOptions = Redis as new (options: RedisOptions) => Redis;
const ClusterOfOptions = Cluster as new (nodes: ClusterNode[], options: ClusterOptions) => Cluster;

function isClusterSource(source: RedisOptions | RedisClusterSource): source is RedisClusterSource {
  return 'nodes' in source;
}
