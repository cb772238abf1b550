import { describe, expect, test } from '@jest/globals';
import { DeadlineError } from '../runtime/deadlines.js';
import { describeFailure, isPermanent } from './redis-failure.js';

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
