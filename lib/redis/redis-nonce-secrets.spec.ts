import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RedisServer } from '../../test/redis/redis-server.js';
import { until } from '../../test/redis/until.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { RedisStorage } from './redis.storage.js';

const DAY_SECONDS = 86_400;
/** Beyond the minute in which every instance learns of a new secret. */
const LEARNT_SECONDS = 61;

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
