import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { fail } from '../errors/option-asserts.js';

/** An ioredis client of the app, or what the library creates one from: a URL, options, or the nodes of a cluster. */
export type RedisSource = Redis | Cluster | string | RedisOptions | RedisClusterSource;

export interface RedisClusterSource {
  readonly nodes: readonly ClusterNode[];
  readonly options?: ClusterOptions;
}

/** After so many deadlines without an answer the client closes the connection and looks for the master again. */
const SILENT_DEADLINES = 3;
/** How long a connection that was ended may stay open. An ended client without a connection holds the process as long. */
const MAX_DISCONNECT_MS = 1000;

const ACCEPTED =
  'given a URL such as "redis://localhost:6379" ("rediss://…" for TLS), the absolute path of a socket, ioredis options, { nodes, options }, or an ioredis client or cluster';

export function isClient(source: RedisSource): source is Redis | Cluster {
  return typeof (source as Partial<Redis> | undefined | null)?.evalsha === 'function';
}

/**
 * Creates a client that fails early and does not retry commands.
 *
 * @throws TypeError that names the accepted forms
 */
export function createClient(
  source: string | RedisOptions | RedisClusterSource,
  deadlineMs: number,
  owner: string,
): Redis | Cluster {
  const silenceMs = SILENT_DEADLINES * deadlineMs;
  const defaults = {
    connectTimeout: 1000,
    // The client must leave a demoted server or a hanging sentinel early, and look for the master again.
    disconnectTimeout: Math.min(silenceMs, MAX_DISCONNECT_MS),
    sentinelCommandTimeout: silenceMs,
    sentinelReconnectStrategy: () => 1000,
    reconnectOnError: ({ message }) => message.startsWith('READONLY'),
    maxLoadingRetryTime: 500,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  } satisfies RedisOptions;
  const required = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    failoverDetector: true,
    // Commands of one turn of the event loop share one write.
    enableAutoPipelining: true,
    socketTimeout: silenceMs,
  } as const satisfies RedisOptions;
  if (typeof source === 'string') {
    assertUrl(source, owner);
    return new Redis(source, { ...defaults, ...required });
  }
  if (typeof source !== 'object' || source === null) fail(owner, ACCEPTED, { value: source });
  if (!isClusterSource(source)) return new RedisOfOptions({ ...defaults, ...source, ...required });
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
      socketTimeout: required.socketTimeout,
    },
  });
}

/** ioredis does not refuse a malformed URL: it reads it as a path or a host, and connects to the wrong place. */
function assertUrl(source: string, owner: string): void {
  if (source.startsWith('/') && source.length > 1) return;
  if (/^rediss?:\/\//i.test(source) && URL.canParse(source) && new URL(source).hostname !== '') return;
  const mayHoldPassword = source.includes('@');
  const isAddress = /^[\w.-]+(:\d+)?(\/\d*)?$/.test(source);
  const hint = isAddress ? `; did you mean "redis://${source}"?` : '';
  fail(owner, `${ACCEPTED}${hint}`, mayHoldPassword ? undefined : { value: source });
}

/** The types of ioredis 6 have a parameter for the mapping of replies, which does not matter to these scripts. */
const RedisOfOptions = Redis as new (options: RedisOptions) => Redis;
const ClusterOfOptions = Cluster as new (nodes: ClusterNode[], options: ClusterOptions) => Cluster;

function isClusterSource(source: RedisOptions | RedisClusterSource): source is RedisClusterSource {
  return 'nodes' in source;
}
