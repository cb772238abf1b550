import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type DpopModuleOptions, DpopUnavailableError, MemoryStorage } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import { flipBit, sendTicketRequest } from './tickets/hostile-tickets.js';
import { fetchTicket, redeem, requestTicket, startTicketApp } from './tickets/ticket-app.js';
import { UnverifiedTicketsController } from './tickets/unverified-tickets.controller.js';

const START_MS = Date.parse('2030-01-01T00:00:00Z');

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  clock = new HandClock(START_MS);
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  clock.ms = START_MS;
  token = await issuer.issueToken({ client, scopes: ['read'], claims: { jti: 'token-1' } });
});

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...overrides });
}

const refused = (reason: string) => ({ status: 401, code: 'invalid_ticket', body: { message: reason } });
const SPENT = refused('The ticket was used before');

describe.each(PLATFORMS)('tickets on %s (J2)', (platform) => {
  const start = (dpop: Partial<DpopModuleOptions> = {}, more = {}) =>
    startTicketApp(platform, options(dpop), more);

  afterEach(closeApps);

  test('a ticket opens its route once, with the verdict of the client that fetched it', async () => {
    const app = await start();
    const issued = await requestTicket(app, client, token);
    expect(issued).toMatchObject({ status: 201, body: { expiresAtSeconds: clock.ms / 1000 + 30 } });
    const { ticket } = issued.body as { ticket: string };
    expect(ticket).toMatch(/^[\w-]{200,}$/);
    const answer = await redeem(app, ticket);
    expect(answer).toMatchObject({
      status: 200,
      body: { ran: 'feed', jkt: client.jkt, hasTicket: true, hasNonce: false, scopes: ['read'] },
    });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    const again = await redeem(app, ticket);
    expect(again).toMatchObject(SPENT);
    expect(again.challenge).toMatch(
      /^DPoP error="invalid_ticket", error_description="The ticket was used before", algs="/,
    );
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect(again.headers.get('referrer-policy')).toBe('no-referrer');
    expect(again.nonce).toBeNull();
    expect(app.runs).toEqual(['feed']);
  });

  test('the ticket is about as long as its token, and differs each time', async () => {
    const app = await start();
    const [one, other] = [await fetchTicket(app, client, token), await fetchTicket(app, client, token)];
    expect(one).not.toBe(other);
    expect(one.slice(0, 32)).not.toBe(other.slice(0, 32));
    expect(one.length).toBeLessThan(token.length + 400);
    expect(Buffer.from(one, 'base64url').includes(token.slice(0, 20))).toBe(false);
  });

  test('a ticket may come as sub-protocol of a handshake, beside another parameter, and in absolute form', async () => {
    const app = await start();
    const open = async (target: (ticket: string) => string, protocol?: (ticket: string) => string) => {
      const ticket = await fetchTicket(app, client, token);
      const fields = protocol && ([['sec-websocket-protocol', protocol(ticket)]] as const);
      return await sendTicketRequest(app, { target: target(ticket), ...(fields && { fields }) });
    };
    const answers = [
      await open(
        () => '/feed',
        (ticket) => `feed, ticket.${ticket}`,
      ),
      await open(
        () => '/feed?a=b',
        (ticket) => `ticket.${ticket},feed`,
      ),
      await open((ticket) => `/feed?a=b&ticket=${ticket}&c`),
      await open((ticket) => `/feed?%74%69cket=${ticket}`),
      await open((ticket) => `http://127.0.0.1/feed?ticket=${ticket}`),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });

  test('a request with token and proof opens the same route, and says that it had no ticket', async () => {
    const app = await start();
    const answer = await call(app, client, { path: '/feed', token });
    expect(answer).toMatchObject({ status: 200, body: { ran: 'feed', hasTicket: false } });
    expect(answer.headers.get('referrer-policy')).toBeNull();
    // A POST does not read the ticket in its URL.
    const post = await call(app, client, { method: 'POST', path: '/feed?ticket=x', token });
    expect(post).toMatchObject({ status: 200, body: { hasTicket: false } });
    // Nor does a route without tickets.
    const closed = await call(app, client, { path: '/closed?ticket=x&ticket=y', token });
    expect(closed).toMatchObject({ status: 200, body: { ran: 'closed' } });
  });

  test('a HEAD does not spend the ticket of the GET that follows it', async () => {
    const app = await start();
    const ticket = await fetchTicket(app, client, token);
    expect(await redeem(app, ticket, '/feed', { method: 'HEAD' })).toMatchObject({ status: 401 });
    expect(await redeem(app, ticket)).toMatchObject({ status: 200 });
  });

  test('the rights that the route requires are asked of the token in the ticket, which stays unspent', async () => {
    const app = await start();
    const ticket = await fetchTicket(app, client, token, '/scoped');
    expect(await redeem(app, ticket, '/scoped')).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(await redeem(app, ticket, '/scoped')).toMatchObject({ status: 403, code: 'insufficient_scope' });
    const writer = await issuer.issueToken({ client, scopes: ['write'] });
    const good = await fetchTicket(app, client, writer, '/scoped');
    expect(await redeem(app, good, '/scoped')).toMatchObject({ status: 200 });
    expect(app.runs).toEqual(['scoped']);
  });

  test('a route that requires a nonce takes a ticket whose proof had one, and no other', async () => {
    const app = await start();
    const without = await redeem(app, await fetchTicket(app, client, token, '/nonce'), '/nonce');
    expect(without).toMatchObject({ ...refused(expect.stringMatching(/nonce/) as never), nonce: null });
    const { nonce } = await call(app, client, { path: '/nonce', token });
    const ticket = await fetchTicket(app, client, token, '/nonce', nonce ?? '');
    expect(await redeem(app, ticket, '/nonce')).toMatchObject({ status: 200 });
    const feed = await redeem(app, await fetchTicket(app, client, token, '/feed', nonce ?? ''));
    expect(feed.body).toMatchObject({ hasNonce: true });
  });

  test('an unbound token gets a ticket where Bearer is allowed, and only there', async () => {
    const app = await start();
    const unbound = await issuer.issueToken({});
    const headers = { authorization: `Bearer ${unbound}` };
    const issued = await call(app, client, { method: 'POST', path: '/migrating-tickets', headers });
    const { ticket } = issued.body as { ticket: string };
    const answer = await redeem(app, ticket, '/migrating');
    expect(answer).toMatchObject({ status: 200, body: { ran: 'migrating', scheme: 'Bearer' } });
    expect(await redeem(app, ticket, '/migrating')).toMatchObject(SPENT);
    expect(await redeem(app, ticket)).toMatchObject(refused('The ticket is for another resource'));
  });

  test('a ticket begets no ticket', async () => {
    const log = new LogCollector();
    const app = await start({}, { logger: log });
    const ticket = await fetchTicket(app, client, token, '/begets');
    expect(await redeem(app, ticket, '/begets')).toMatchObject(UNAVAILABLE);
    expect(log.text).toContain('answered 503: verdict_missing; DpopTickets.issue() was called for a request');
    expect(await call(app, client, { path: '/begets', token })).toMatchObject({ status: 200 });
  });

  test('no ticket is issued for a path that no request has', async () => {
    const log = new LogCollector();
    const app = await start({}, { logger: log });
    expect(await requestTicket(app, client, token, '/feed')).toMatchObject({ status: 201 });
    for (const path of ['feed', '/feed?a', '/feed#a', '/a/../feed', '/a/%2e%2e/feed', '/feed é'])
      expect(await requestTicket(app, client, token, path)).toMatchObject(UNAVAILABLE);
    expect(log.text).toContain(
      'answered 503: internal_failure; the path of a ticket must be the path of its route',
    );
    expect(log.text).not.toContain('é');
  });

  test.each(['unguarded', 'context', 'anonymous', 'reported'])(
    'no ticket is issued to an unverified request of the route %s: 503, and when to come back (D8)',
    async (route) => {
      const log = new LogCollector();
      const app = await start({}, { logger: log, controllers: [UnverifiedTicketsController] });
      const answer = await call(app, client, { method: 'POST', path: `/unverified/${route}` });
      expect(answer).toMatchObject(UNAVAILABLE);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(log.text).toMatch(/answered 503: verdict_missing; DpopTickets\.issue\(\) .*; on POST/);
    },
  );

  test.each([
    ['are not available', new DpopUnavailableError('nonce_secrets_unavailable'), 'nonce_secrets_unavailable'],
    ['cannot be read', new Error('a secret'), 'internal_failure; Error'],
  ])('while the secrets %s, no ticket is issued, and the answer is 503 (D8)', async (_what, error, line) => {
    const log = new LogCollector();
    let isDown = false;
    const secret = new Uint8Array(32);
    const nonceSecrets = {
      secrets: () => {
        if (isDown) throw error;
        return [secret];
      },
    };
    const { replayStore } = new MemoryStorage();
    const app = await start({ storage: { replayStore, nonceSecrets, shared: true } }, { logger: log });
    expect(await requestTicket(app, client, token)).toMatchObject({ status: 201 });
    isDown = true;
    expect(await requestTicket(app, client, token)).toMatchObject(UNAVAILABLE);
    expect(log.text).toContain(`answered 503: ${line}`);
    expect(log.text).not.toContain('a secret');
  });

  test('decisions say that a ticket was used, and hold nothing of it', async () => {
    const app = await start();
    const ticket = await fetchTicket(app, client, token);
    const decisions = await observeDecisions(async () => {
      await redeem(app, ticket);
      await redeem(app, ticket);
      await redeem(app, 'x');
      await call(app, client, { path: '/feed', token });
      await redeem(app, ticket, '/closed');
    });
    const subject = { issuer: issuer.issuer, jkt: client.jkt };
    expect(decisions).toMatchObject([
      { outcome: 'accepted', hasTicket: true, ...subject },
      { outcome: 'refused', hasTicket: true, code: 'invalid_ticket', reason: 'ticket_spent', ...subject },
      { outcome: 'refused', hasTicket: true, reason: 'ticket_invalid', jkt: undefined },
      { outcome: 'accepted', hasTicket: false, ...subject },
      { outcome: 'refused', hasTicket: false, reason: 'credentials_missing' },
    ]);
    expect(JSON.stringify(decisions)).not.toContain(ticket.slice(0, 16));
  });

  test('no log line holds a ticket, also with logReceivedValues', async () => {
    const log = new LogCollector();
    const app = await start({ logReceivedValues: true }, { logger: log });
    const ticket = await fetchTicket(app, client, token);
    await redeem(app, ticket);
    await redeem(app, ticket);
    await redeem(app, flipBit(ticket, 30));
    await redeem(app, ticket, '/closed');
    await sendTicketRequest(app, {
      target: '/feed',
      fields: [['Sec-WebSocket-Protocol', `ticket.${ticket}`]],
    });
    expect(log.text).toContain('invalid_ticket (ticket_spent)');
    expect(log.text).toContain('target "/feed?(not shown)"');
    expect(log.text).not.toContain(ticket.slice(32, 64));
    expect(log.text).not.toContain(token.split('.')[1]?.slice(0, 32));
  });
});
