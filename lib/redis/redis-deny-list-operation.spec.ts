import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import type { RevocableToken } from '../revocation/revocation.checker.js';
import { RedisDenyList, type RedisDenyListOptions } from './redis-deny-list.js';

const ISSUER = 'https://auth.example.com';
const NOWHERE = 'redis://127.0.0.1:1';
const LIFETIME = { maxTokenLifetimeSeconds: 3600 } as const;
const RIGHTS = '+evalsha +eval +info +xadd +xrange +xrevrange +xlen +xdel +ttl +expire';

let server: RedisServer;
let keyPrefix: string;
let clock: HandClock;
const opened: RedisDenyList[] = [];
let warnings: string[];

beforeAll(async () => {
  server = await RedisServer.start();
}, 30_000);
beforeEach(() => {
  keyPrefix = `${randomUUID()}:`;
  clock = new HandClock();
  warnings = [];
});
afterEach(async () => {
  jest.useRealTimers();
  for (const list of opened.splice(0)) await list.close();
});
afterAll(() => server.close());

/** Not opened. */
function create(options: Partial<RedisDenyListOptions> = {}, source = server.url): RedisDenyList {
  const list = new RedisDenyList(source, {
    ...LIFETIME,
    deadlineMs: 10_000,
    maxStalenessMs: 60_000,
    keyPrefix,
    clock: clock.read,
    ...options,
  });
  opened.push(list);
  return list;
}

async function join(options: Partial<RedisDenyListOptions> = {}, source = server.url) {
  const list = create(options, source);
  await list.open((text) => warnings.push(text));
  return list;
}

function tokenOf(sub: string): RevocableToken {
  const iat = clock.ms / 1000 - 60;
  return {
    claims: { iat, exp: iat + 600 },
    issuer: ISSUER,
    subject: sub,
    clientId: undefined,
    jkt: undefined,
  };
}
const entryOf = (sub: string) => ({ issuer: ISSUER, sub });

describe('the options of a deny-list in Redis (I4)', () => {
  test.each<Partial<RedisDenyListOptions>>([
    { deadlineMs: 1 },
    { deadlineMs: 60_000 },
    { maxStalenessMs: 100 },
    { maxStalenessMs: 60_000 },
    { keyPrefix: '' },
  ])('%j is accepted', (options) => {
    expect(() => create(options)).not.toThrow();
  });

  test.each<[object, string]>([
    [{ deadlineMs: 60_001 }, 'deadlineMs must be an integer from 1 to 60000; it is 60001'],
    [{ maxStalenessMs: 60_001 }, 'maxStalenessMs must be an integer from 100 to 60000; it is 60001'],
    [{ keyPrefix: 1 }, 'keyPrefix must be a string'],
    [{ clock: 1 }, 'clock must be a function that returns milliseconds since the epoch'],
    [
      { a: 1 },
      'RedisDenyList options has no option "a"; known: maxTokenLifetimeSeconds, maxEntries, keyPrefix, deadlineMs, maxStalenessMs, clock',
    ],
  ])('%j is not', (options, message) => {
    expect(() => create(options)).toThrow(new TypeError(message));
  });

  test('have a deadline of 250 ms, and the prefix dpop:', async () => {
    const list = new RedisDenyList(server.url, LIFETIME);
    opened.push(list);
    expect(list.deadlineMs).toBe(250);
    expect(create({ deadlineMs: 5 }).deadlineMs).toBe(5);
    const known = new RedisDenyList(server.url, { ...LIFETIME, deadlineMs: 10_000 });
    opened.push(known);
    await known.open();
    await known.revoke(entryOf('a'));
    expect(await server.command('EXISTS', 'dpop:deny-list')).toBe(1);
    await server.command('DEL', 'dpop:deny-list');
  });

  test('may leave the clock to the module, or to the machine', async () => {
    const ofModule = new RedisDenyList(server.url, { ...LIFETIME, keyPrefix, deadlineMs: 10_000 });
    opened.push(ofModule);
    await ofModule.open(() => {}, clock.read);
    // By this clock the token was issued before the entry, by that of the machine after it.
    clock.ms = Date.now() + 500_000;
    await ofModule.revoke(entryOf('a'));
    expect(await ofModule.isRevoked(tokenOf('a'))).toBe(true);

    const ofMachine = new RedisDenyList(server.url, {
      ...LIFETIME,
      keyPrefix: 'm:',
      deadlineMs: 10_000,
      maxStalenessMs: 60_000,
    });
    opened.push(ofMachine);
    await ofMachine.open();
    await ofMachine.revoke(entryOf('b'));
    expect(ofMachine.isRevoked(tokenOf('b'))).toBe(false);
    clock.ms = Date.now();
    expect(ofMachine.isRevoked(tokenOf('b'))).toBe(true);
  });
});

describe('readings without a request (B9)', () => {
  beforeEach(() => {
    jest.useFakeTimers({
      doNotFake: [
        'Date',
        'hrtime',
        'nextTick',
        'performance',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
        'setTimeout',
        'clearTimeout',
      ],
    });
  });

  test('are four within maxStalenessMs, and end with the list', async () => {
    const [one, other] = [await join({ maxStalenessMs: 40_000 }), await join()];
    await other.revoke(entryOf('a'));
    jest.advanceTimersByTime(9999);
    await one.ping();
    expect(one.size).toBe(1);
    await other.revoke(entryOf('b'));
    jest.advanceTimersByTime(1);
    await until('it is read', () => one.size === 2);
    expect(jest.getTimerCount()).toBe(2);
    await one.close();
    expect(jest.getTimerCount()).toBe(1);
  });

  test('are none before the time has come', async () => {
    const [one, other] = [await join({ maxStalenessMs: 40_000 }), await join()];
    await other.revoke(entryOf('a'));
    jest.advanceTimersByTime(9999);
    await other.refresh();
    expect(one.size).toBe(0);
  });

  test('begin with each new connection', async () => {
    const [one, other] = [await join(), await join()];
    await other.revoke(entryOf('a'));
    expect(one.size).toBe(0);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('it is read', () => one.size === 1);
  });
});

describe('what the operator reads (I3)', () => {
  test('where Redis is not there at start', async () => {
    await join({}, NOWHERE);
    expect(warnings).toEqual([
      'Redis cannot be reached at 127.0.0.1:1: nothing listens there (ECONNREFUSED); until this is solved, the service has no deny-list and answers 503',
    ]);
    await create({}, NOWHERE).open();
  });

  test('where commands are denied', async () => {
    await server.command(
      'ACL',
      'SETUSER',
      'poor',
      'on',
      '>secret',
      '~*',
      '-@all',
      '+evalsha',
      '+eval',
      '+info',
    );
    await join({}, `redis://poor:secret@127.0.0.1:${server.port}`);
    expect(warnings).toEqual([
      `Redis denies commands of the deny-list to its ACL user: allow +xadd +ttl +expire +xrange +xrevrange +xdel +xlen on the keys ${keyPrefix}deny-list*`,
      `Redis denies its ACL user a command or a key: allow ${RIGHTS} on the keys of keyPrefix; until this is solved, the service has no deny-list and answers 503`,
    ]);
  });

  test('where all is well: nothing, also for a user of the keys of the list alone', async () => {
    await join();
    const rights = [`~${keyPrefix}deny-list*`, '-@all', ...RIGHTS.split(' ')];
    await server.command('ACL', 'SETUSER', 'narrow', 'reset', 'on', '>secret', ...rights);
    await join({}, `redis://narrow:secret@127.0.0.1:${server.port}`);
    expect(warnings).toEqual([]);
  });

  test('where entries were lost: how many, and whether they are back', async () => {
    const list = await join();
    for (const sub of ['a', 'b']) await list.revoke(entryOf(sub));
    await list.refresh();
    expect(warnings).toEqual([]);
    await server.command('DEL', `${keyPrefix}deny-list`);
    await list.refresh();
    expect(warnings).toEqual(['Redis lacked 2 entries of the deny-list; they have been written back']);
  });

  test('where entries were lost: one instance tells of it, that which has written them back', async () => {
    const [one, other] = [await join(), await join()];
    for (const sub of ['a', 'b']) await one.revoke(entryOf(sub));
    for (const list of [one, other]) await list.refresh();
    await server.command('DEL', `${keyPrefix}deny-list`);
    await Promise.all([one.refresh(), other.refresh()]);
    await Promise.all([one.refresh(), other.refresh()]);
    expect(warnings).toEqual(['Redis lacked 2 entries of the deny-list; they have been written back']);
  });

  test('where Redis takes no entries: again after another instance has written them', async () => {
    const rights = RIGHTS.split(' ');
    await server.command('ACL', 'SETUSER', 'reader', 'reset', 'on', '>secret', '~*', '-@all', ...rights);
    const list = await join({}, `redis://reader:secret@127.0.0.1:${server.port}`);
    const other = await join();
    await other.revoke(entryOf('a'));
    for (const each of [list, other]) await each.refresh();
    await server.command('ACL', 'SETUSER', 'reader', '-xadd');
    for (let round = 0; round < 2; round += 1) {
      await server.command('DEL', `${keyPrefix}deny-list`);
      await list.refresh();
      expect(warnings.splice(0)).toEqual([expect.stringContaining('takes none')]);
      await other.refresh();
      expect(warnings.splice(0)).toEqual([expect.stringContaining('have been written back')]);
      await list.refresh();
      expect(warnings).toEqual([]);
    }
  });

  test('where Redis takes no entries: once, until it has taken them', async () => {
    const rights = RIGHTS.split(' ');
    await server.command('ACL', 'SETUSER', 'reader', 'reset', 'on', '>secret', '~*', '-@all', ...rights);
    const list = await join({}, `redis://reader:secret@127.0.0.1:${server.port}`);
    await list.revoke(entryOf('a'));
    await list.refresh();
    const back = 'Redis lacked 1 entries of the deny-list; they have been written back';
    const refused = `Redis lacks entries of the deny-list, and takes none: Redis denies its ACL user a command or a key: allow ${RIGHTS} on the keys of keyPrefix`;
    for (let round = 0; round < 2; round += 1) {
      await server.command('ACL', 'SETUSER', 'reader', '-xadd');
      await server.command('DEL', `${keyPrefix}deny-list`);
      await list.refresh();
      expect(warnings.splice(0)).toEqual([refused]);
      await list.refresh();
      expect(warnings).toEqual([]);
      await server.command('ACL', 'SETUSER', 'reader', '+xadd');
      await list.refresh();
      expect(warnings.splice(0)).toEqual([back]);
    }
  });

  test('with a 503: why, or that the copy is old', async () => {
    const list = await join({}, NOWHERE);
    await expect(list.refresh()).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      advice: 'Redis cannot be reached at 127.0.0.1:1: nothing listens there (ECONNREFUSED)',
      cause: { message: 'Redis is not connected' },
    });
    // A clock that steps on with each look: no copy is ever fresh.
    const restless = await join({ maxStalenessMs: 100, clock: () => (clock.ms += 1000) });
    await expect(restless.isRevoked(tokenOf('a'))).rejects.toMatchObject({
      reason: 'revocation_unavailable',
      advice: 'the copy of the deny-list is older than maxStalenessMs, 100 ms',
    });
  });
});

describe('an entry (B9)', () => {
  test('about tokens that have all expired is not kept', async () => {
    const list = await join();
    const issuedBefore = clock.ms / 1000 - 3600 - 1800;
    await list.revoke({ ...entryOf('a'), issuedBefore });
    expect(list.size).toBe(0);
    await list.revoke({ ...entryOf('a'), issuedBefore: issuedBefore + 1 });
    expect(list.size).toBe(1);
  });

  test('for which there is no room here is not sent', async () => {
    const list = await join({ maxEntries: 1 });
    await list.revoke(entryOf('a'));
    await expect(list.revoke(entryOf('b'))).rejects.toMatchObject({ reason: 'revocation_unavailable' });
    expect(list.size).toBe(1);
    expect(await list.isRevoked(tokenOf('b'))).toBe(false);
  });
});
