import { DeadlineError } from '../runtime/deadlines.js';

/** How an error begins that the scripts of this folder answer with: what no waiting mends. */
export const HIDDEN_REPLICATION = 'NOREPLID';

/** What an ACL user needs, on the keys below the prefix. docs/replay-and-redis.md names the same. */
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

/** Why Redis failed, in words of ours. */
export interface RedisFailure {
  /** What is wrong and what to do. Never what Redis said, which may quote a key. */
  readonly advice: string;
  /** Redis has no room, which is no outage: an attacker who fills it must gain nothing. */
  readonly isFull: boolean;
}

/** Errors that Redis answers with, by their first word. */
const REPLIES: Readonly<Record<string, string>> = {
  NOAUTH: 'Redis asks for a password: give one in the URL (redis://user:password@host) or in the options',
  WRONGPASS: 'Redis refuses the user name or the password that was given',
  NOPERM: `Redis denies its ACL user a command or a key: allow ${ACL_COMMANDS.map((name) => `+${name}`).join(' ')} on the keys of keyPrefix`,
  READONLY: 'this Redis is a replica, which takes no writes: connect to the master, or through Sentinel',
  [HIDDEN_REPLICATION]:
    'this Redis hides its replication id (INFO replication), without which no loss of data can be noticed: use a Redis that tells it',
  OOM: 'Redis has reached maxmemory and takes no writes: give it more memory, and maxmemory-policy noeviction',
  NOREPLICAS: 'Redis takes no writes, since it has fewer replicas than min-replicas-to-write asks for',
  MISCONF: 'Redis takes no writes, since it cannot save its data to disk: see its log',
  LOADING: 'Redis is loading its data',
  BUSY: 'Redis is busy with a script of somebody else',
  MASTERDOWN: 'this Redis is a replica that has lost its master',
  CLUSTERDOWN: 'the Redis Cluster is down, or lacks slots',
  TRYAGAIN: 'the Redis Cluster is moving the slot of these keys',
  MOVED: 'the Redis Cluster has moved the slot of these keys',
  ASK: 'the Redis Cluster is moving the slot of these keys',
  WRONGTYPE: 'a key of this storage holds something else: give each program a keyPrefix of its own',
  NOPROTO: 'this Redis does not speak the protocol that the client asks for',
};

/** Errors that Redis answers with, by how they go on where the first word says nothing. */
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
    'this Redis lacks a command that is needed: Redis 6.2 or later, or Valkey, with EVAL and INFO',
  ],
  [
    /DB index is out of range|invalid DB index/,
    undefined,
    'this Redis has no database of the number that was given',
  ],
  [
    /DENIED Redis is running in protected mode/,
    undefined,
    'Redis is in protected mode, and takes connections from its own host alone',
  ],
];

/** Errors of the connection, by their code. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  ETIMEDOUT: 'the connection took too long; where TLS is asked for: does this port speak TLS?',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ECONNRESET:
    'the connection was closed by the other side; does this port speak TLS alone ("rediss://…"), or ask for a client certificate?',
  EPIPE: 'the connection was closed by the other side',
  ENOENT: 'there is no such socket',
  EACCES: 'the socket may not be opened',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed: give it as tls.ca in the options',
  SELF_SIGNED_CERT_IN_CHAIN:
    'the certificate is of an authority that is not known here: give that as tls.ca in the options',
  UNABLE_TO_GET_ISSUER_CERT:
    'the certificate is of an authority that is not known here: give that as tls.ca in the options',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'the certificate is of an authority that is not known here: give that as tls.ca in the options',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the certificate is of an authority that is not known here: give that as tls.ca in the options',
  CERT_HAS_EXPIRED: 'the certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another host name',
};

/** What is looked at of an error: errors of Node's own may be of another realm, and are told by what they hold. */
interface FailureLike {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  /** Of a Cluster none of whose nodes answered. */
  readonly lastNodeError?: unknown;
}

/** Chains are short. */
const MAX_CAUSES = 5;

/** Why a command, or the connection, failed. */
export function describeFailure(thrown: unknown): RedisFailure {
  let error = thrown as FailureLike | null | undefined;
  for (let depth = 0; depth < MAX_CAUSES && typeof error === 'object' && error !== null; depth += 1) {
    if (error instanceof DeadlineError) return { advice: `Redis gave ${error.message}`, isFull: false };
    if (isReply(error)) return describeReply(error.message);
    const advice = adviceOfCode(error.code);
    if (advice !== undefined) return { advice: `Redis cannot be reached: ${advice}`, isFull: false };
    error = (error.lastNodeError ?? error.cause) as FailureLike | null | undefined;
  }
  return { advice: 'Redis cannot be reached', isFull: false };
}

/** Whether it is certain that no request will ever be served by this Redis, however long one waits. */
export function isHopeless(thrown: unknown): boolean {
  const error = thrown as FailureLike | undefined;
  return isReply(error) && error.message.startsWith(HIDDEN_REPLICATION);
}

function isReply(error: FailureLike | undefined): error is { readonly message: string } {
  return error?.name === 'ReplyError' && typeof error.message === 'string';
}

function describeReply(message: string): RedisFailure {
  const [first = ''] = message.split(' ', 1);
  const phrase = PHRASES.find(([pattern]) => pattern.test(message));
  const word = phrase === undefined ? first : phrase[1];
  const advice = word === undefined ? phrase?.[2] : entryOf(REPLIES, word);
  return { advice: advice ?? 'Redis answers with an error that is not expected', isFull: word === 'OOM' };
}

function adviceOfCode(code: unknown): string | undefined {
  if (typeof code !== 'string') return undefined;
  const isTls = code.startsWith('ERR_SSL_');
  const words = isTls
    ? 'the other side does not speak TLS as it should: does this port speak TLS?'
    : entryOf(CODES, code);
  return words === undefined ? undefined : `${words} (${code})`;
}

/** What Redis says may be the name of something that every object has. */
function entryOf(words: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(words, key) ? words[key] : undefined;
}
