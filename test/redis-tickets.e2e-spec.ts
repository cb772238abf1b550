import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { DpopTicket } from 'nestjs-dpop';
import { RedisStorage, type RedisStorageOptions } from 'nestjs-dpop/redis';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { SharedRedis } from './redis/shared-redis.js';
import { withOrigin } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import { fetchTicket, redeem, requestTicket, startTicketApp, type TicketApp } from './tickets/ticket-app.js';

/** What is shown here does not depend on how fast the machine is. */
const DEADLINE_MS = 10_000;
const SPENT = { status: 401, code: 'invalid_ticket', body: { message: 'The ticket was used before' } };
const RENEWAL = {
  status: 401,
  code: 'invalid_ticket',
  body: { message: 'This resource requires a new ticket' },
};

let redis: SharedRedis;
let issuer: TestIssuer;
let client: TestClient;
let token: string;
let fleets = 0;

beforeAll(async () => {
  redis = await SharedRedis.open();
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
}, 30_000);
afterEach(closeApps);
afterAll(() => redis.close());

const newPrefix = (): string => `${redis.keyPrefix}tickets-${(fleets += 1)}:`;

function join(
  platform: Platform,
  keyPrefix: string,
  storage: Partial<RedisStorageOptions> = {},
): Promise<TicketApp> {
  const options = { keyPrefix, deadlineMs: DEADLINE_MS, ...storage };
  return startTicketApp(
    platform,
    withOrigin({ accessToken: issuer.accessToken, storage: new RedisStorage(redis.url, options) }),
  );
}

/** Where records may have been lost, the fleet answers the first request with a nonce, and the client repeats it (§8). */
async function fetchFrom(app: TicketApp): Promise<string> {
  const { status, nonce, body } = await requestTicket(app, client, token);
  if (status === 201) return (body as DpopTicket).ticket;
  return await fetchTicket(app, client, token, '/feed', nonce ?? '');
}

describe.each(['challenge', 'accept'] as const)(
  'tickets of a fleet, afterDataLoss: %s (J2)',
  (afterDataLoss) => {
    test('one instance issues, another redeems, and then none does', async () => {
      const prefix = newPrefix();
      const [one, other] = [
        await join('express', prefix, { afterDataLoss }),
        await join('fastify', prefix, { afterDataLoss }),
      ];
      const ticket = await fetchFrom(one);
      expect(await redeem(other, ticket)).toMatchObject({
        status: 200,
        body: { hasTicket: true, jkt: client.jkt },
      });
      expect(await redeem(other, ticket)).toMatchObject(SPENT);
      expect(await redeem(one, ticket)).toMatchObject(SPENT);
      expect([...one.runs, ...other.runs]).toEqual(['feed']);
    });

    test('1,000 copies of one ticket at two instances: one handler run (F1)', async () => {
      const prefix = newPrefix();
      const apps = [
        await join('express', prefix, { afterDataLoss }),
        await join('fastify', prefix, { afterDataLoss }),
      ] as const;
      const ticket = await fetchFrom(apps[0]);
      const answers = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => redeem(apps[index % 2 === 0 ? 0 : 1], ticket)),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ code }) => code === 'invalid_ticket')).toHaveLength(999);
      expect([...apps[0].runs, ...apps[1].runs]).toEqual(['feed']);
    });

    test('a flush of the store ends all tickets, spent or not; a new one is good at once', async () => {
      const prefix = newPrefix();
      const [one, other] = [
        await join('express', prefix, { afterDataLoss }),
        await join('fastify', prefix, { afterDataLoss }),
      ];
      const spent = await fetchFrom(one);
      const unspent = await fetchFrom(one);
      expect(await redeem(other, spent)).toMatchObject({ status: 200 });
      await redis.lose(prefix);
      for (const app of [other, one])
        for (const ticket of [spent, unspent]) expect(await redeem(app, ticket)).toMatchObject(RENEWAL);
      expect([...one.runs, ...other.runs]).toEqual(['feed']);
      // The instance that issues reads the epoch first, although nobody told it of the loss.
      await redis.lose(prefix);
      expect(await redeem(other, await fetchFrom(one))).toMatchObject({ status: 200 });
    });

    test.each(PLATFORMS)(
      'an instance that restarts on %s takes the tickets of the one before, but for spent ones',
      async (platform) => {
        const prefix = newPrefix();
        const first = await join(platform, prefix, { afterDataLoss });
        const spent = await fetchFrom(first);
        const unspent = await fetchFrom(first);
        expect(await redeem(first, spent)).toMatchObject({ status: 200 });
        await first.close();
        const second = await join(platform, prefix, { afterDataLoss });
        expect(await redeem(second, spent)).toMatchObject(SPENT);
        expect(await redeem(second, unspent)).toMatchObject({ status: 200 });
      },
    );
  },
);
