import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DpopModuleOptions } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import { redeem, requestTicket, startTicketApp } from './tickets/ticket-app.js';

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  clock = new HandClock();
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  clock.ms = Date.parse('2030-01-01T00:00:00Z');
  token = await issuer.issueToken({ client, scopes: ['read'], claims: { jti: 'token-1' } });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...overrides });
}

const refused = (reason: string) => ({ status: 401, code: 'invalid_ticket', body: { message: reason } });

describe.each(PLATFORMS)('tickets on %s (J2)', (platform) => {
  const start = (dpop: Partial<DpopModuleOptions> = {}) => startTicketApp(platform, options(dpop));

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
    expect(again).toMatchObject(refused('The ticket was used before'));
    expect(again.challenge).toMatch(
      /^DPoP error="invalid_ticket", error_description="The ticket was used before", algs="/,
    );
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect(again.headers.get('referrer-policy')).toBe('no-referrer');
    expect(again.nonce).toBeNull();
    expect(app.runs).toEqual(['feed']);
  });

  test('a request with token and proof opens the same route, and says that it had no ticket', async () => {
    const app = await start();
    const answer = await call(app, client, { path: '/feed', token });
    expect(answer).toMatchObject({ status: 200, body: { ran: 'feed', hasTicket: false } });
    expect(answer.headers.get('referrer-policy')).toBeNull();
  });
});
