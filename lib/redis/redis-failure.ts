import { DeadlineError } from '../runtime/deadlines.js';

/** First word of the error with which the scripts reply on a server that hides its replication id. */
export const HIDDEN_REPLICATION = 'NOREPLID';

/** The commands that an ACL user needs on the keys of the prefix. docs/replay-and-redis.md lists the same. */
export const ACL_COMMANDS = [
  'evalsha',
  'eval',
  'info',
  'time',
  'get',
  'set',
  'del',
  'exists',
  'expire',
  'hget',
  'hset',
  'hsetnx',
  'hexists',
  'hgetall',
  'hdel',
] as const;

/** The same for the key of the deny-list. docs/revocation.md lists them. */
export const DENY_LIST_COMMANDS = [
  'evalsha',
  'eval',
  // Of ioredis, when it connects.
  'info',
  'xadd',
  'xrange',
  'xrevrange',
  'xlen',
  'xdel',
  'ttl',
  'expire',
] as const;

/** Why Redis failed. */
export interface RedisFailure {
  /** For the operator: what is wrong and what to do. Never the text of Redis, which may contain a key. */
  readonly advice: string;
  /** Whether Redis is out of memory. This is not an outage: an attacker who fills Redis must gain nothing. */
  readonly isFull: boolean;
}

/** Error replies of Redis, by their first word. */
const REPLIES: Readonly<Record<string, string>> = {
  NOAUTH: 'Redis asks for a password: set it in the URL (redis://user:password@host) or in the options',
  WRONGPASS: 'Redis refuses the user name or the password: correct them in the URL or in the options',
  NOPERM: 'Redis denies its ACL user a command or a key: allow COMMANDS on the keys of keyPrefix',
  READONLY: 'this Redis is a replica and accepts no writes: connect to the master, or through Sentinel',
  [HIDDEN_REPLICATION]:
    'this Redis hides its replication id, and the service needs it to notice a loss of data: use a Redis whose INFO replication shows master_replid',
  OOM: 'Redis has reached maxmemory and accepts no writes: give it more memory, and set maxmemory-policy noeviction',
  NOREPLICAS: 'Redis accepts no writes, because it has fewer replicas than min-replicas-to-write requires',
  MISCONF: 'Redis accepts no writes, because it cannot save its data to disk: see the log of Redis',
  LOADING: 'Redis is loading its data',
  BUSY: 'Redis is busy with a script of another client',
  MASTERDOWN: 'this Redis is a replica that has lost its master',
  CLUSTERDOWN: 'the Redis Cluster is down, or some of its slots have no node',
  TRYAGAIN: 'the Redis Cluster is moving the slot of these keys',
  MOVED: 'the Redis Cluster has moved the slot of these keys',
  ASK: 'the Redis Cluster is moving the slot of these keys',
  WRONGTYPE: 'another program uses a key of this storage: give each program a keyPrefix of its own',
  NOPROTO: 'this Redis does not support the protocol version that the client asks for',
};

/** Error replies of Redis whose first word says nothing, by their text. */
const PHRASES: readonly (readonly [
  pattern: RegExp,
  word: keyof typeof REPLIES | undefined,
  advice?: string,
])[] = [
  [
    /can't run this command|can't access at least one of the keys|ACL failure in script|no permission/i,
    'NOPERM',
  ],
  [/command not allowed when used memory/, 'OOM'],
  [/read only replica/, 'READONLY'],
  [/invalid password/, 'WRONGPASS'],
  [
    /unknown command/i,
    undefined,
    'this Redis lacks a required command: use Redis 6.2 or later, or Valkey, with EVAL and INFO',
  ],
  [
    /DB index is out of range|invalid DB index/,
    undefined,
    'this Redis has no database with the configured number',
  ],
  [
    /DENIED Redis is running in protected mode/,
    undefined,
    'Redis is in protected mode and accepts connections from its own host only',
  ],
];

const UNKNOWN_AUTHORITY =
  'the certificate comes from an unknown authority: set its certificate as tls.ca in the options';

/** Connection errors, by their code. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  ETIMEDOUT: 'no connection within the time limit; with TLS: does this port speak TLS?',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET:
    'the other side closed the connection; does this port speak TLS only ("rediss://…"), or require a client certificate?',
  EPIPE: 'the other side closed the connection',
  ENOENT: 'there is no such socket',
  EACCES: 'the service has no permission to open the socket',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed: set it as tls.ca in the options',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: 'the certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name',
};

/** The members of an error that are read. `instanceof` does not work for errors of another realm. */
interface FailureLike {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  /** Set by ioredis when no node of a Cluster answered. */
  readonly lastNodeError?: unknown;
  /** Set by Node: the IP address or the path of a socket, and the port. */
  readonly address?: unknown;
  readonly port?: unknown;
  /** Set by Node, after a failed name resolution. */
  readonly hostname?: unknown;
  /** Set by Node for a host with several addresses: the error of each attempt. */
  readonly errors?: unknown;
}

/** Ends a chain of causes that leads back to itself. */
const MAX_CAUSES = 5;

/**
 * Explains why a command or the connection failed.
 *
 * @param commands that the ACL user needs
 */
export function describeFailure(thrown: unknown, commands: readonly string[] = ACL_COMMANDS): RedisFailure {
  let error = thrown as FailureLike | null | undefined;
  for (let depth = 0; depth < MAX_CAUSES && typeof error === 'object' && error !== null; depth += 1) {
    if (error instanceof DeadlineError) return { advice: `Redis gave ${error.message}`, isFull: false };
    if (isReply(error)) return describeReply(error.message, commands);
    const advice = adviceOfCode(error.code);
    if (advice !== undefined)
      return { advice: `Redis cannot be reached${placeOf(error)}: ${advice}`, isFull: false };
    error = (error.lastNodeError ?? error.cause) as FailureLike | null | undefined;
  }
  return { advice: 'Redis cannot be reached', isFull: false };
}

/** Whether the failure stays until the operator uses another Redis. */
export function isPermanent(thrown: unknown): boolean {
  const error = thrown as FailureLike | undefined;
  return isReply(error) && error.message.startsWith(HIDDEN_REPLICATION);
}

function isReply(error: FailureLike | undefined): error is { readonly message: string } {
  return error?.name === 'ReplyError' && typeof error.message === 'string';
}

function describeReply(message: string, commands: readonly string[]): RedisFailure {
  const [first = ''] = message.split(' ', 1);
  const phrase = PHRASES.find(([pattern]) => pattern.test(message));
  const word = phrase === undefined ? first : phrase[1];
  const advice = word === undefined ? phrase?.[2] : entryOf(REPLIES, word);
  const rights = commands.map((name) => `+${name}`).join(' ');
  return {
    advice: advice?.replace('COMMANDS', rights) ?? 'unexpected error reply from Redis',
    isFull: word === 'OOM',
  };
}

function adviceOfCode(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined;
  const isTls = code.startsWith('ERR_SSL_');
  const words = isTls ? 'the TLS handshake failed: does this port speak TLS?' : entryOf(CODES, code);
  return words === undefined ? undefined : `${words} (${code})`;
}

/** ` at 127.0.0.1:6379`: the address that failed, if the error has one. Never a user or a password. */
function placeOf(error: FailureLike): string {
  const attempts: unknown = Array.isArray(error.errors) ? error.errors : [error];
  const places = (attempts as readonly FailureLike[]).flatMap((attempt) => formatPlace(attempt));
  return places.length === 0 ? '' : ` at ${places.join(' and ')}`;
}

function formatPlace({ address, hostname, port }: FailureLike): readonly string[] {
  const host = address ?? hostname;
  if (typeof host !== 'string') return [];
  if (typeof port !== 'number') return [host];
  return [host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`];
}

/** An own entry only: the reply may begin with the name of an inherited member, such as `constructor`. */
function entryOf(words: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(words, key) ? words[key] : undefined;
}
