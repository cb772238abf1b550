import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { RedisConnection } from './redis-connection.js';
import { RedisNonceSecrets } from './redis-nonce-secrets.js';
import { createScript } from './redis-script.js';
import { RedisStorage } from './redis.storage.js';

const DAY_SECONDS = 86_400;
/** Beyond the minute in which every instance learns of a new secret. */
const LEARNT_SECONDS = 61;

/** Beside a Redis that is there. */
const TRIES = 250;

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
}, 30_000);
afterAll(() => server.close());

describe('the secrets of a fleet (E5, E6)', () => {
  let nowSeconds: number;
  const opened: RedisStorage[] = [];

  beforeEach(async () => {
    nowSeconds = 1_700_000_000;
    await server.command('FLUSHALL');
  });
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });

  async function join(): Promise<RedisStorage> {
    const storage = new RedisStorage(server.url, { deadlineMs: 2000, clock: () => nowSeconds * 1000 });
    opened.push(storage);
    await storage.open();
    return storage;
  }

  function nonces({ nonceSecrets }: RedisStorage): StatelessNonceService {
    const clock = () => nowSeconds * 1000;
    return new StatelessNonceService({ secrets: nonceSecrets, service: 'a', lifetimeSeconds: 120, clock });
  }

  function expectMutualAcceptance(...storages: readonly RedisStorage[]): void {
    for (const issuer of storages) {
      const nonce = nonces(issuer).issue();
      for (const judge of storages) expect(nonces(judge).check(nonce)).toBeDefined();
    }
  }

  test('are made by the instance that comes first, and known to all', async () => {
    const storages = await Promise.all([join(), join(), join()]);
    expectMutualAcceptance(...storages);
    expect(storages.map(({ nonceSecrets }) => nonceSecrets.secrets())).toEqual([
      storages[0]?.nonceSecrets.secrets(),
      storages[0]?.nonceSecrets.secrets(),
      storages[0]?.nonceSecrets.secrets(),
    ]);
  });

  test('survive a restart of all instances', async () => {
    const before = await join();
    const nonce = nonces(before).issue();
    await before.close();
    expect(nonces(await join()).check(nonce)).toBeDefined();
  });

  test('rotate once a day, and no nonce handed out before or after is refused by anyone', async () => {
    const [one, other] = [await join(), await join()];
    const [first] = one.nonceSecrets.secrets();
    const before = nonces(one).issue();
    nowSeconds += DAY_SECONDS - 1;
    await one.nonceSecrets.refresh();
    expect(one.nonceSecrets.secrets()).toHaveLength(1);

    nowSeconds += 1;
    const lastOfOld = nonces(other).issue();
    await one.nonceSecrets.refresh();
    expect(one.nonceSecrets.secrets()).toHaveLength(2);
    // The new one does not sign before all had the time to learn it.
    expect(one.nonceSecrets.secrets()[0]).toBe(first);
    expectMutualAcceptance(one, other);

    await other.nonceSecrets.refresh();
    nowSeconds += LEARNT_SECONDS;
    await one.nonceSecrets.refresh();
    expect(one.nonceSecrets.secrets()[0]).not.toBe(first);
    expectMutualAcceptance(one, other);
    expect(nonces(one).check(lastOfOld)).toBeDefined();
    expect(nonces(one).check(before)).toBeUndefined();
  });

  test('rotate once, however many instances find that it is time', async () => {
    const storages = [await join(), await join(), await join()];
    nowSeconds += DAY_SECONDS;
    await Promise.all(storages.map(({ nonceSecrets }) => nonceSecrets.refresh()));
    await Promise.all(storages.map(({ nonceSecrets }) => nonceSecrets.refresh()));
    for (const { nonceSecrets } of storages) expect(nonceSecrets.secrets()).toHaveLength(2);
    expectMutualAcceptance(...storages);
  });

  test('are at most three', async () => {
    const storage = await join();
    for (let day = 0; day < 5; day += 1) {
      nowSeconds += DAY_SECONDS;
      await storage.nonceSecrets.refresh();
    }
    expect(storage.nonceSecrets.secrets()).toHaveLength(3);
  });

  test('are written back when Redis has lost them', async () => {
    const storage = await join();
    const nonce = nonces(storage).issue();
    await server.command('FLUSHALL');
    await storage.nonceSecrets.refresh();
    expect(nonces(await join()).check(nonce)).toBeDefined();
  });

  test('are good while Redis is away, and written back when it is there again, empty', async () => {
    const [one, other] = [await join(), await join()];
    await server.kill();
    await until('the outage is noticed', () =>
      one.ping().then(
        () => false,
        () => true,
      ),
    );
    expectMutualAcceptance(one, other);
    const nonce = nonces(one).issue();
    await server.up();
    await until(
      'the secrets are written back',
      async () => (await server.command('GET', 'dpop:nonce-secrets')) !== null,
    );
    const third = await join();
    expect(nonces(third).check(nonce)).toBeDefined();
    expectMutualAcceptance(one, other, third);
  }, 30_000);

  test('are taken from Redis, not from itself, by an instance that joins a fleet with a ring', async () => {
    const one = await join();
    nowSeconds += 3 * DAY_SECONDS;
    const other = await join();
    expect(other.nonceSecrets.secrets()).toEqual(one.nonceSecrets.secrets());
  });
});

describe('the ring of one instance (E5)', () => {
  const START = 1_700_000_000;
  const KEY = 'a:nonce-secrets';
  const ROTATION_SECONDS = 1000;
  let nowSeconds: number;
  let connection: RedisConnection;
  let secrets: RedisNonceSecrets;

  beforeEach(async () => {
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
    await server.command('FLUSHALL');
    nowSeconds = START;
    connection = new RedisConnection(server.url, 10_000);
    secrets = create();
  });
  afterEach(async () => {
    jest.useRealTimers();
    secrets.close();
    await connection.close();
  });

  const create = () => new RedisNonceSecrets(connection, 'a:', ROTATION_SECONDS, () => nowSeconds * 1000);
  const stored = async () => String(await server.command('GET', KEY));
  const write = (...items: readonly string[]) => server.command('SET', KEY, items.join(' '));
  const text = (secret: Uint8Array | undefined) => Buffer.from(secret ?? []).toString('base64url');
  const secretOf = (bytes = 32) => randomBytes(bytes).toString('base64url');
  /** As Redis has it: the newest first. */
  const inRedis = async () => (await stored()).split(' ').map((item) => item.split('.'));

  async function refreshAt(seconds: number): Promise<void> {
    nowSeconds = START + seconds;
    await secrets.refresh();
  }

  test('cannot be told before it was read, and the reason is told', async () => {
    const unavailable = {
      reason: 'nonce_secrets_unavailable',
      advice: 'the nonce secrets of the fleet have not been read from Redis yet',
    };
    expect(() => secrets.secrets()).toThrow(expect.objectContaining(unavailable));
    await expect(secrets.ping()).rejects.toMatchObject(unavailable);
    await connection.open();
    await secrets.ping();
    expect(secrets.secrets()).toHaveLength(1);
  });

  test('is read again once for each new connection, and by no ping', async () => {
    await connection.open();
    await until('it is read', () => secrets.secrets().length === 1, TRIES);
    await write(`${START}.${secretOf()}`);
    const [first] = secrets.secrets();
    await secrets.ping();
    expect(secrets.secrets()[0]).toBe(first);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until('it is read anew', () => secrets.secrets()[0] !== first, TRIES);
  });

  test('is of secrets of 32 bytes with the second of their creation, the newest first', async () => {
    await connection.open();
    await refreshAt(0.9);
    await refreshAt(ROTATION_SECONDS + 0.9);
    const [newer, older, ...more] = await inRedis();
    expect(more).toEqual([]);
    expect([newer?.[0], older?.[0]]).toEqual([String(START + ROTATION_SECONDS), String(START)]);
    for (const secret of [newer?.[1], older?.[1]])
      expect(Buffer.from(secret ?? '', 'base64url')).toHaveLength(32);
    expect(secrets.secrets().map(text)).toEqual([older?.[1], newer?.[1]]);
  });

  test('rotates when it is time, not before; of three the oldest goes', async () => {
    await connection.open();
    await refreshAt(0);
    await refreshAt(ROTATION_SECONDS - 1);
    expect(await inRedis()).toHaveLength(1);
    const seen = [(await inRedis())[0]?.[1]];
    for (let rotation = 1; rotation <= 4; rotation += 1) {
      await refreshAt(rotation * ROTATION_SECONDS);
      seen.unshift((await inRedis())[0]?.[1]);
      expect((await inRedis()).map(([, secret]) => secret)).toEqual(seen.slice(0, 3));
    }
  });

  test('a new secret signs after a minute, also without Redis; until then the one before it does', async () => {
    await connection.open();
    for (const rotation of [0, 1, 2]) await refreshAt(rotation * ROTATION_SECONDS);
    const [newest, middle, oldest] = (await inRedis()).map(([, secret]) => secret);
    const order = () => secrets.secrets().map(text);
    expect(order()).toEqual([middle, newest, oldest]);
    await connection.close();
    await until('the connection has ended', () => !connection.isReady, TRIES);
    await refreshAt(2 * ROTATION_SECONDS + 59);
    expect(order()).toEqual([middle, newest, oldest]);
    await refreshAt(2 * ROTATION_SECONDS + 60);
    expect(order()).toEqual([newest, middle, oldest]);
  });

  test('of secrets that are all new the oldest signs, which most instances have read', async () => {
    const [newer, older, oldest] = [secretOf(), secretOf(), secretOf()];
    await write(`${START}.${newer}`, `${START - 1}.${older}`, `${START - 59}.${oldest}`);
    await connection.open();
    await refreshAt(0);
    expect(secrets.secrets().map(text)).toEqual([oldest, newer, older]);
  });

  test('keeps the array of a secret that is known', async () => {
    await connection.open();
    await refreshAt(0);
    const [first] = secrets.secrets();
    await refreshAt(ROTATION_SECONDS);
    const [again, second] = secrets.secrets();
    expect(again).toBe(first);
    await refreshAt(ROTATION_SECONDS + 60);
    expect(secrets.secrets()[0]).toBe(second);
    expect(secrets.secrets()[1]).toBe(first);
  });

  test('leaves out what is malformed, and is replaced where nothing is left', async () => {
    const good = secretOf();
    await write(
      `x${START}.${secretOf()}`,
      `${START}.${secretOf()}!`,
      `${START}.${secretOf(31)}`,
      `.${secretOf()}`,
      `${START}${secretOf()}`,
      `${START}.${good}`,
    );
    await connection.open();
    await refreshAt(0);
    expect(secrets.secrets().map(text)).toEqual([good]);
    expect(await inRedis()).toHaveLength(6);

    await write('nonsense');
    const other = create();
    await other.refresh();
    expect(await inRedis()).toEqual([[String(START), text(other.secrets()[0])]]);
  });

  test('stays as it was where Redis replies with what is none', async () => {
    class Odd extends RedisConnection {
      isOdd = false;

      override async evaluate(...[script, keys, args]: Parameters<RedisConnection['evaluate']>) {
        return this.isOdd ? 'nonsense' : await super.evaluate(script, keys, args);
      }
    }
    const odd = new Odd(server.url, 10_000);
    await odd.open();
    const ofOdd = new RedisNonceSecrets(odd, 'a:', ROTATION_SECONDS, () => nowSeconds * 1000);
    await ofOdd.refresh();
    const before = ofOdd.secrets();
    odd.isOdd = true;
    await ofOdd.refresh();
    await odd.close();
    expect(before).toHaveLength(1);
    expect(ofOdd.secrets()).toEqual(before);
  });

  test('is written back as it was when Redis has lost it', async () => {
    await connection.open();
    await refreshAt(0);
    await refreshAt(ROTATION_SECONDS);
    const before = await stored();
    await server.command('DEL', KEY);
    await secrets.refresh();
    expect(await stored()).toBe(before);
  });

  test('is read every 15 seconds', async () => {
    await connection.open();
    await secrets.open();
    const secret = secretOf();
    await write(`${START - 60}.${secret}`);
    jest.advanceTimersByTime(14_999);
    await connection.evaluate(createScript('return 1'), [], []);
    expect(secrets.secrets().map(text)).not.toEqual([secret]);
    jest.advanceTimersByTime(1);
    await until('it is read', () => secrets.secrets().map(text)[0] === secret, TRIES);
  });

  test('is read every second until that has succeeded once, and then no more', async () => {
    const hasty = new RedisConnection(server.url, 50);
    await hasty.open();
    await server.command('CLIENT', 'PAUSE', '60000', 'WRITE');
    const late = new RedisNonceSecrets(hasty, 'b:', ROTATION_SECONDS, () => nowSeconds * 1000);
    try {
      await late.open();
      await server.command('CLIENT', 'UNPAUSE');
      jest.advanceTimersByTime(999);
      await hasty.evaluate(createScript('return 1'), [], []);
      expect(() => late.secrets()).toThrow();
      jest.advanceTimersByTime(1);
      await until('it is read', () => late.secrets().length === 1, TRIES);
      await server.command('DEL', 'b:nonce-secrets');
      jest.advanceTimersByTime(5000);
      await hasty.evaluate(createScript('return 1'), [], []);
      expect(await server.command('EXISTS', 'b:nonce-secrets')).toBe(0);
    } finally {
      await server.command('CLIENT', 'UNPAUSE');
      late.close();
      await hasty.close();
    }
  });

  test('has two timers, however often it is opened, and none when it is closed', async () => {
    await connection.open();
    await secrets.open();
    await secrets.open();
    expect(jest.getTimerCount()).toBe(2);
    secrets.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});
