import { describe, expect, test } from '@jest/globals';
import { DeadlineError } from '../runtime/deadlines.js';
import { DENY_LIST_COMMANDS, describeFailure, isPermanent } from './redis-failure.js';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const coded = (code: string) => Object.assign(new Error(`secret ${code}`), { code });

describe('why Redis failed, in the words of the library (I3)', () => {
  test.each<[unknown, RegExp]>([
    [reply('NOAUTH Authentication required.'), /asks for a password/],
    [reply('WRONGPASS invalid username-password pair or user is disabled.'), /refuses the user name/],
    [reply("NOPERM this user has no permissions to run the 'evalsha' command"), /allow \+evalsha \+eval/],
    [
      reply("ERR The user executing the script can't run this command or subcommand script: a"),
      /allow \+evalsha/,
    ],
    [
      reply("ERR ACL failure in script: User api has no permissions to run the 'time' command"),
      /allow \+evalsha/,
    ],
    [reply("READONLY You can't write against a read only replica."), /is a replica/],
    [reply('NOREPLICAS Not enough good replicas to write.'), /min-replicas-to-write/],
    [reply('MISCONF Redis is configured to save RDB snapshots'), /cannot save its data/],
    [reply('LOADING Redis is loading the dataset in memory'), /is loading/],
    [reply('CLUSTERDOWN The cluster is down'), /Cluster is down/],
    [reply('WRONGTYPE Operation against a key'), /keyPrefix of its own/],
    [reply("ERR unknown command 'info'"), /lacks a required command/],
    [reply('ERR DB index is out of range'), /no database with the configured number/],
    [reply('DENIED Redis is running in protected mode'), /protected mode/],
    [reply('ERR something else about dpop:{1}:ledger'), /^unexpected error reply from Redis$/],
    [reply('constructor of an error'), /^unexpected error reply from Redis$/],
    [coded('ECONNREFUSED'), /nothing listens there \(ECONNREFUSED\)/],
    [coded('ERR_SSL_WRONG_VERSION_NUMBER'), /does this port speak TLS\? \(ERR_SSL_WRONG_VERSION_NUMBER\)/],
    [coded('CERT_HAS_EXPIRED'), /the certificate has expired/],
    [coded('toString'), /^Redis cannot be reached$/],
    [new Error('not connected', { cause: coded('ENOTFOUND') }), /host name is unknown/],
    [
      Object.assign(new Error('all failed'), { lastNodeError: coded('ECONNRESET') }),
      /the other side closed the connection/,
    ],
    [
      Object.assign(coded('ECONNREFUSED'), { address: '127.0.0.1', port: 6379 }),
      /^Redis cannot be reached at 127\.0\.0\.1:6379: nothing listens there \(ECONNREFUSED\)$/,
    ],
    [
      Object.assign(
        new AggregateError([
          { address: '::1', port: 1 },
          { address: '127.0.0.1', port: 1 },
        ]),
        {
          code: 'ECONNREFUSED',
        },
      ),
      /^Redis cannot be reached at \[::1\]:1 and 127\.0\.0\.1:1: nothing/,
    ],
    [
      Object.assign(coded('ENOENT'), { address: '/run/redis.sock' }),
      /^Redis cannot be reached at \/run\/redis\.sock: there is no such socket/,
    ],
    [
      Object.assign(coded('ENOTFOUND'), { hostname: 'redis.test' }),
      /^Redis cannot be reached at redis\.test: the host name is unknown/,
    ],
    [new DeadlineError(250), /no answer within 250 ms/],
    [new Error('anything'), /^Redis cannot be reached$/],
    [undefined, /^Redis cannot be reached$/],
    ['text', /^Redis cannot be reached$/],
  ])('%s', (error, words) => {
    const { advice, isFull } = describeFailure(error);
    expect(advice).toMatch(words);
    expect(advice).not.toMatch(/secret|dpop:\{/);
    expect(isFull).toBe(false);
  });

  test.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    "ERR Error running script: -OOM command not allowed when used memory > 'maxmemory'.",
  ])('it is full: %s (F5)', (message) => {
    expect(describeFailure(reply(message))).toEqual({
      advice: expect.stringContaining('maxmemory'),
      isFull: true,
    });
  });

  test('an error that leads to itself ends', () => {
    const error = new Error('a');
    error.cause = error;
    expect(describeFailure(error).advice).toBe('Redis cannot be reached');
  });

  test('only a hidden replication id is permanent', () => {
    expect(isPermanent(reply('NOREPLID the server does not tell'))).toBe(true);
    for (const error of [reply('NOAUTH a'), coded('ECONNREFUSED'), undefined])
      expect(isPermanent(error)).toBe(false);
  });
});

describe('the words that operators read (I3)', () => {
  const RIGHTS =
    '+evalsha +eval +info +time +get +set +del +exists +expire +hget +hset +hsetnx +hexists +hgetall +hdel';
  const DENIED = `Redis denies its ACL user a command or a key: allow ${RIGHTS} on the keys of keyPrefix`;
  const REFUSED = 'Redis refuses the user name or the password: correct them in the URL or in the options';
  const FULL =
    'Redis has reached maxmemory and accepts no writes: give it more memory, and set maxmemory-policy noeviction';
  const REPLICA = 'this Redis is a replica and accepts no writes: connect to the master, or through Sentinel';
  const LACKS = 'this Redis lacks a required command: use Redis 6.2 or later, or Valkey, with EVAL and INFO';
  const NO_DATABASE = 'this Redis has no database with the configured number';
  const MOVING = 'the Redis Cluster is moving the slot of these keys';
  const UNEXPECTED = 'unexpected error reply from Redis';

  test.each<[string, string]>([
    [
      'NOAUTH Authentication required.',
      'Redis asks for a password: set it in the URL (redis://user:password@host) or in the options',
    ],
    ['WRONGPASS a', REFUSED],
    ['ERR invalid password', REFUSED],
    ['NOPERM a', DENIED],
    ["ERR The user executing the script can't run this command or subcommand", DENIED],
    ["ERR The user executing the script can't access at least one of the keys", DENIED],
    ['ERR ACL failure in script: a', DENIED],
    ['ERR user a has no permission', DENIED],
    ['READONLY a', REPLICA],
    ["ERR can't write against a read only replica", REPLICA],
    [
      'NOREPLID a',
      'this Redis hides its replication id, and the service needs it to notice a loss of data: use a Redis whose INFO replication shows master_replid',
    ],
    ['OOM a', FULL],
    ["ERR command not allowed when used memory > 'maxmemory'", FULL],
    [
      'NOREPLICAS a',
      'Redis accepts no writes, because it has fewer replicas than min-replicas-to-write requires',
    ],
    ['MISCONF a', 'Redis accepts no writes, because it cannot save its data to disk: see the log of Redis'],
    ['LOADING a', 'Redis is loading its data'],
    ['BUSY a', 'Redis is busy with a script of another client'],
    ['MASTERDOWN a', 'this Redis is a replica that has lost its master'],
    ['CLUSTERDOWN a', 'the Redis Cluster is down, or some of its slots have no node'],
    ['TRYAGAIN a', MOVING],
    ['ASK a', MOVING],
    ['MOVED a', 'the Redis Cluster has moved the slot of these keys'],
    ['WRONGTYPE a', 'another program uses a key of this storage: give each program a keyPrefix of its own'],
    ['NOPROTO a', 'this Redis does not support the protocol version that the client asks for'],
    ["ERR unknown command 'eval'", LACKS],
    ["ERR Unknown Command 'eval'", LACKS],
    ['ERR DB index is out of range', NO_DATABASE],
    ['ERR invalid DB index', NO_DATABASE],
    [
      'DENIED Redis is running in protected mode because protected mode is enabled',
      'Redis is in protected mode and accepts connections from its own host only',
    ],
    ['NOAUTHX', UNEXPECTED],
    ['ERR NOAUTH a', UNEXPECTED],
    ['', UNEXPECTED],
  ])('with the reply %j', (message, advice) => {
    expect(describeFailure(reply(message)).advice).toBe(advice);
  });

  test('with the rights of the deny-list, where that asks', () => {
    expect(describeFailure(reply('NOPERM a'), DENY_LIST_COMMANDS).advice).toBe(
      'Redis denies its ACL user a command or a key: allow +evalsha +eval +info +xadd +xrange +xrevrange +xlen +xdel +ttl +expire on the keys of keyPrefix',
    );
  });

  const UNKNOWN_AUTHORITY =
    'the certificate comes from an unknown authority: set its certificate as tls.ca in the options';

  test.each<[string, string]>([
    ['ECONNREFUSED', 'nothing listens there'],
    ['ENOTFOUND', 'the host name is unknown'],
    ['EAI_AGAIN', 'the host name cannot be resolved at the moment'],
    ['ETIMEDOUT', 'no connection within the time limit; with TLS: does this port speak TLS?'],
    ['EHOSTUNREACH', 'the host cannot be reached'],
    ['ENETUNREACH', 'the network cannot be reached'],
    [
      'ECONNRESET',
      'the other side closed the connection; does this port speak TLS only ("rediss://…"), or require a client certificate?',
    ],
    ['EPIPE', 'the other side closed the connection'],
    ['ENOENT', 'there is no such socket'],
    ['EACCES', 'the service has no permission to open the socket'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate is self-signed: set it as tls.ca in the options'],
    ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
    ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_AUTHORITY],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_AUTHORITY],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_AUTHORITY],
    ['CERT_HAS_EXPIRED', 'the certificate has expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate is for another host name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'the TLS handshake failed: does this port speak TLS?'],
  ])('with the code %s', (code, words) => {
    expect(describeFailure(coded(code))).toEqual({
      advice: `Redis cannot be reached: ${words} (${code})`,
      isFull: false,
    });
  });

  test.each<[object, string]>([
    [{ address: '10.0.0.1' }, ' at 10.0.0.1'],
    [{ address: '::1', port: 1 }, ' at [::1]:1'],
    [{ hostname: 'a.test', port: 2 }, ' at a.test:2'],
    [{ address: '10.0.0.1', hostname: 'a.test', port: 3 }, ' at 10.0.0.1:3'],
    [{ address: '10.0.0.1', port: '4' }, ' at 10.0.0.1'],
    [{ address: 5, port: 5 }, ''],
    [{ port: 6 }, ''],
    [{ errors: [] }, ''],
    [{ errors: [{ address: 'a' }, {}, { address: 'b', port: 7 }], address: 'c' }, ' at a and b:7'],
    [{ errors: 'none', address: 'd' }, ' at d'],
  ])('with the place %j', (place, words) => {
    expect(describeFailure(Object.assign(coded('EPIPE'), place)).advice).toBe(
      `Redis cannot be reached${words}: the other side closed the connection (EPIPE)`,
    );
  });

  test('with the deadline', () => {
    expect(describeFailure(new DeadlineError(250))).toEqual({
      advice: 'Redis gave no answer within 250 ms',
      isFull: false,
    });
  });
});

describe('where the reason is looked for (I3)', () => {
  const UNREACHABLE = { advice: 'Redis cannot be reached', isFull: false };
  const wrap = (cause: unknown) => new Error('a', { cause });
  const loading = { advice: 'Redis is loading its data', isFull: false };

  test('in the causes, up to the fifth error of a chain', () => {
    const cause = reply('LOADING a');
    expect(describeFailure(wrap(wrap(wrap(wrap(cause)))))).toEqual(loading);
    expect(describeFailure(wrap(wrap(wrap(wrap(wrap(cause))))))).toEqual(UNREACHABLE);
    expect(describeFailure(wrap(new DeadlineError(5))).advice).toBe('Redis gave no answer within 5 ms');
  });

  test('in the error of the last node of a Cluster, before the cause', () => {
    const error = Object.assign(wrap(coded('EPIPE')), { lastNodeError: reply('LOADING a') });
    expect(describeFailure(error)).toEqual(loading);
  });

  test('in what an error of another realm has, too', () => {
    expect(describeFailure({ name: 'ReplyError', message: 'LOADING a' })).toEqual(loading);
  });

  test.each<[unknown]>([
    [null],
    [{ name: 'ReplyError' }],
    [{ name: 'ReplyError', message: 5 }],
    [{ name: 'Error', message: 'LOADING a' }],
    [{ code: 5 }],
    [{ code: 'EWHATEVER' }],
    [{ code: 'XERR_SSL_' }],
    [wrap(null)],
    [wrap('text')],
    [Object.assign(() => {}, { code: 'EPIPE' })],
  ])('not in %p', (error) => {
    expect(describeFailure(error)).toEqual(UNREACHABLE);
  });

  test('what is permanent begins with the word (I3)', () => {
    expect(isPermanent(reply('a NOREPLID'))).toBe(false);
    expect(isPermanent(new Error('NOREPLID'))).toBe(false);
    expect(isPermanent(null)).toBe(false);
  });
});
