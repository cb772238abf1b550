import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type AccessTokenClaims,
  AccessTokenVerifier,
  DpopError,
  type DpopModuleOptions,
  MemoryDenyList,
  MemoryReplayStore,
  MemoryStorage,
  type NonceSecretSource,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { UNAVAILABLE } from './support/call.js';
import { AnsweringStore } from './support/answering-store.js';
import { HandClock } from './support/hand-clock.js';
import { ORIGIN, withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import {
  assertTicketRefused,
  badTicket,
  flipBit,
  playTicketRow,
  sendTicketRequest,
  TICKET_ROWS,
} from './tickets/hostile-tickets.js';
import { fetchTicket, redeem, requestTicket, startTicketApp, type TicketApp } from './tickets/ticket-app.js';

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const secret = new Uint8Array(32).fill(7);
const nonce = { mode: 'off', secret } as const;

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
  token = await issuer.issueToken({ client, claims: { jti: 'token-1' } });
});

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...overrides });
}

const badTicketAnswer = (message: string) => ({
  status: 401,
  code: 'invalid_ticket',
  body: { message },
  nonce: null,
});
const SPENT = badTicketAnswer('The ticket was used before');
const RENEWAL = badTicketAnswer('This resource requires a new ticket');
const INVALID = badTicketAnswer('Invalid ticket');
const EXPIRED = badTicketAnswer('The ticket has expired');
const EARLY = badTicketAnswer('The ticket is not valid yet');
const BINDING = badTicketAnswer('The access token of the ticket is bound to another key');
const OTHER_RESOURCE = badTicketAnswer('The ticket is for another resource');
const BAD_TOKEN = { status: 401, code: 'invalid_token', nonce: null };

describe.each(PLATFORMS)('hostile requests with tickets on %s (J2)', (platform) => {
  let app: TicketApp;

  beforeAll(async () => {
    app = await startTicketApp(platform, options());
  });
  afterAll(closeApps);

  test.each(TICKET_ROWS)('$what', async (row) => {
    await playTicketRow({ app, client, token }, row);
  });

  test('a flipped bit in any octet', async () => {
    const ticket = await fetchTicket(app, client, token);
    const runs = app.runs.length;
    for (const [octet] of Buffer.from(ticket, 'base64url').entries()) {
      const response = await sendTicketRequest(app, { target: `/feed?ticket=${flipBit(ticket, octet)}` });
      assertTicketRefused(response, badTicket('ticket_invalid'));
    }
    expect(app.runs).toHaveLength(runs);
    expect(await redeem(app, ticket)).toMatchObject({ status: 200 });
  });

  test('another spelling of the path, whether the platform routes it or not', async () => {
    const ticket = await fetchTicket(app, client, token);
    const runs = app.runs.length;
    for (const path of ['/FEED', '/feed/', '/%66eed', '//feed', '/./feed', '/a/../feed', '/feed;a']) {
      const { status } = await sendTicketRequest(app, { target: `${path}?ticket=${ticket}` });
      expect([400, 401, 404]).toContain(status);
    }
    expect(app.runs).toHaveLength(runs);
    expect(await redeem(app, ticket)).toMatchObject({ status: 200 });
  });

  test('1,000 copies of one ticket at once: one handler run', async () => {
    const ticket = await fetchTicket(app, client, token);
    const runs = app.runs.length;
    const answers = await Promise.all(Array.from({ length: 1000 }, () => redeem(app, ticket)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status, code }) => status === 401 && code === 'invalid_ticket')).toHaveLength(
      999,
    );
    expect(app.runs).toHaveLength(runs + 1);
  });
});

describe.each(PLATFORMS)('a ticket and what changes between issue and use, on %s (J2)', (platform) => {
  afterEach(closeApps);

  const start = (dpop: Partial<DpopModuleOptions> = {}) => startTicketApp(platform, options(dpop));

  /** The same ticket request passes on a fresh ticket, so that the change alone is to blame. */
  async function assertPasses(app: TicketApp): Promise<void> {
    expect(await redeem(app, await fetchTicket(app, client, token))).toMatchObject({ status: 200 });
  }

  test('it lives as long as the option says, to the millisecond', async () => {
    for (const [tickets, seconds] of [
      [{}, 30],
      [{ lifetimeSeconds: 5 }, 5],
    ] as const) {
      clock.ms = START_MS;
      const app = await start({ tickets });
      const tried = await fetchTicket(app, client, token);
      const late = await fetchTicket(app, client, token);
      clock.ms = START_MS + seconds * 1000 - 1;
      expect(await redeem(app, tried)).toMatchObject({ status: 200 });
      clock.ms = START_MS + seconds * 1000;
      expect(await redeem(app, late)).toMatchObject(EXPIRED);
      expect(await redeem(app, tried)).toMatchObject(EXPIRED);
      expect(app.runs).toEqual(['feed']);
      await app.close();
    }
  });

  test('it ends with its token at the latest', async () => {
    const app = await start();
    const short = await issuer.issueToken({ client, expiresInSeconds: 10 });
    const issued = await requestTicket(app, client, short);
    expect(issued.body).toMatchObject({ expiresAtSeconds: START_MS / 1000 + 10 });
    const { ticket } = issued.body as { ticket: string };
    clock.advanceSeconds(10);
    expect(await redeem(app, ticket)).toMatchObject(EXPIRED);
    expect(app.runs).toStrictEqual([]);
  });

  test('a clock that is set back does not bring it back', async () => {
    const app = await start();
    await assertPasses(app);
    const spent = await fetchTicket(app, client, token);
    const unspent = await fetchTicket(app, client, token);
    expect(await redeem(app, spent)).toMatchObject({ status: 200 });
    clock.advanceSeconds(3600);
    expect(await redeem(app, spent)).toMatchObject(EXPIRED);
    token = await issuer.issueToken({ client });
    // A client comes, and the store drops what has expired.
    await assertPasses(app);
    const runs = app.runs.length;
    clock.ms = START_MS + 1000;
    expect(await redeem(app, spent)).toMatchObject(RENEWAL);
    expect(await redeem(app, unspent)).toMatchObject(RENEWAL);
    clock.ms = START_MS - 31_000;
    expect(await redeem(app, unspent)).toMatchObject(EARLY);
    expect(app.runs).toHaveLength(runs);
  });

  test('an instance that restarts with its secret and without its memory refuses it', async () => {
    const first = await start({ nonce });
    await assertPasses(first);
    const spent = await fetchTicket(first, client, token);
    const unspent = await fetchTicket(first, client, token);
    expect(await redeem(first, spent)).toMatchObject({ status: 200 });
    await first.close();
    const second = await start({ nonce });
    expect(await redeem(second, spent)).toMatchObject(RENEWAL);
    expect(await redeem(second, unspent)).toMatchObject(RENEWAL);
    expect(second.runs).toStrictEqual([]);
    await assertPasses(second);
  });

  test('an instance without the secret does not open it', async () => {
    const first = await start();
    await assertPasses(first);
    const ticket = await fetchTicket(first, client, token);
    const second = await start();
    expect(await redeem(second, ticket)).toMatchObject(INVALID);
    expect(second.runs).toStrictEqual([]);
    expect(await redeem(first, ticket)).toMatchObject({ status: 200 });
  });

  test('another service with the same secret and the same store does not open it', async () => {
    const storage = new MemoryStorage();
    const app = await start({ nonce, storage });
    await assertPasses(app);
    const ticket = await fetchTicket(app, client, token);
    for (const other of [{ realm: 'other' }, { origin: [ORIGIN, 'https://other.example.com'] }]) {
      const service = await start({ nonce, storage, ...other });
      expect(await redeem(service, ticket)).toMatchObject(INVALID);
      expect(service.runs).toStrictEqual([]);
    }
    expect(await redeem(app, ticket)).toMatchObject({ status: 200 });
  });

  test('a secret that only recognises still opens it, and one that was rotated away does not', async () => {
    const next = new Uint8Array(32).fill(8);
    const secrets: Uint8Array[] = [secret];
    const nonceSecrets: NonceSecretSource = { secrets: () => secrets };
    const app = await start({
      storage: { replayStore: new MemoryReplayStore(), nonceSecrets, shared: true },
    });
    const tried = await fetchTicket(app, client, token);
    const late = await fetchTicket(app, client, token);
    secrets.unshift(next);
    expect(await redeem(app, tried)).toMatchObject({ status: 200 });
    secrets.pop();
    expect(await redeem(app, late)).toMatchObject(INVALID);
    expect(await redeem(app, tried)).toMatchObject(INVALID);
    expect(app.runs).toEqual(['feed']);
    await assertPasses(app);
  });

  test('a token that was revoked since is refused, and the ticket is not spent', async () => {
    const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
    const app = await start({ revocation });
    await assertPasses(app);
    const ticket = await fetchTicket(app, client, token);
    await revocation.revoke({ issuer: issuer.issuer, jti: 'token-1' });
    const answer = await redeem(app, ticket);
    expect(answer).toMatchObject({ ...BAD_TOKEN, body: { message: 'The access token has been revoked' } });
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    expect(app.runs).toEqual(['feed']);
  });

  test('a token that the issuer no longer signs for is refused', async () => {
    const app = await start({ accessToken: new Verdicts() });
    await assertPasses(app);
    const ticket = await fetchTicket(app, client, token);
    Verdicts.claims = undefined;
    expect(await redeem(app, ticket)).toMatchObject(BAD_TOKEN);
    expect(app.runs).toEqual(['feed']);
  });

  test('a token that is bound to another key now is refused', async () => {
    const app = await start({ accessToken: new Verdicts() });
    await assertPasses(app);
    const ticket = await fetchTicket(app, client, token);
    Verdicts.claims = { cnf: { jkt: (await TestClient.create()).jkt } };
    expect(await redeem(app, ticket)).toMatchObject(BINDING);
    Verdicts.claims = {};
    expect(await redeem(app, ticket)).toMatchObject(BAD_TOKEN);
    expect(app.runs).toEqual(['feed']);
  });

  test('the host of another tenant does not take it', async () => {
    const origin = ({ rawHeaders }: { readonly rawHeaders: readonly string[] }) =>
      rawHeaders.includes('tenant-b') ? 'https://b.example.com' : ORIGIN;
    const app = await start({ origin });
    await assertPasses(app);
    const ticket = await fetchTicket(app, client, token);
    const answer = await redeem(app, ticket, '/feed', { headers: { 'x-tenant': 'tenant-b' } });
    expect(answer).toMatchObject(OTHER_RESOURCE);
    expect(app.runs).toEqual(['feed']);
  });

  test('a store that fails, lies or hangs lets none in, whatever onReplayStoreFailure says', async () => {
    let isDown = false;
    let answer = (): unknown => 'first';
    const replayStore = new AnsweringStore(() => (isDown ? answer() : 'first'));
    const storage = { replayStore, shared: true };
    for (const onReplayStoreFailure of ['refuse', 'accept-and-report'] as const) {
      const app = await start({ storage, onReplayStoreFailure });
      isDown = false;
      await assertPasses(app);
      const ticket = await fetchTicket(app, client, token);
      isDown = true;
      for (const [given, expected] of [
        [() => Promise.reject(new Error('down')), UNAVAILABLE],
        [() => 'perhaps', UNAVAILABLE],
        [() => undefined, UNAVAILABLE],
        [() => 'unknown', RENEWAL],
        [() => 'replayed', SPENT],
      ] as const) {
        answer = given;
        expect(await redeem(app, ticket)).toMatchObject(expected);
      }
      expect(app.runs).toEqual(['feed']);
    }
  });
});

/** Answers for any token, as introspection does: the issuer may change its mind. */
class Verdicts extends AccessTokenVerifier {
  static claims: AccessTokenClaims | undefined;

  constructor() {
    super();
    Verdicts.claims = { iss: issuer.issuer, cnf: { jkt: client.jkt } };
  }

  override verify(): AccessTokenClaims {
    if (Verdicts.claims === undefined) throw new DpopError('token_inactive');
    return Verdicts.claims;
  }
}
