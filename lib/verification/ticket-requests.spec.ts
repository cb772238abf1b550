import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { MemoryReplayStore } from '../storage/memory-replay.store.js';
import { DPOP_DECISION_CHANNEL } from '../telemetry/decisions.js';
import { TestClient } from '../testing/index.js';
import { DpopVerifier } from './dpop.verifier.js';
import type { DpopPolicy } from './policy.js';

const URL = 'https://api.example.com/tickets';
const FEED = 'https://api.example.com/feed';
const CLOSED: DpopPolicy = { nonce: 'off', bearer: 'reject' };
const OPEN: DpopPolicy = { ...CLOSED, ticket: 'allow' };

let nowSeconds: number;
let client: TestClient;
let verified: number;

const clock = () => nowSeconds * 1000;

class FakeTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    verified += 1;
    return { sub: 'user', scope: 'read', cnf: { jkt: client.jkt } };
  }
}

const nonces = new StatelessNonceService({
  secrets: new FixedNonceSecrets(),
  service: 'test',
  lifetimeSeconds: 120,
  clock,
});

beforeAll(async () => {
  client = await TestClient.create({ clock });
});

beforeEach(() => {
  nowSeconds = 1_800_000_000;
  verified = 0;
});

/** Without a seal: each verifier has its own. */
function verifierWith(options: Partial<DpopModuleOptions> = {}): DpopVerifier {
  const accessTokens = new FakeTokens();
  const rules = createConfig({
    origin: 'https://api.example.com',
    accessToken: accessTokens,
    clock,
    ...options,
  });
  return new DpopVerifier({ rules, accessTokens, nonces, replayStore: new MemoryReplayStore() });
}

async function issueWith(verifier: DpopVerifier): Promise<string> {
  const proof = await client.createProof({ method: 'POST', url: URL, token: 'token' });
  const rawHeaders = ['Authorization', 'DPoP token', 'DPoP', proof];
  const examination = verifier.examine({ method: 'POST', target: '/tickets', rawHeaders });
  const verdict = await examination.authorize(CLOSED);
  const { ticket, expiresAtSeconds } = await examination.issueTicket(verdict, '/feed');
  expect(expiresAtSeconds).toBe(nowSeconds + 30);
  return ticket;
}

const withTicket = (ticket: string, rawHeaders: readonly string[] = []): DpopRequest => ({
  method: 'GET',
  target: `/feed?ticket=${ticket}`,
  rawHeaders,
});

describe('a request with a ticket (J2)', () => {
  test('is verified once, and once in all', async () => {
    const verifier = verifierWith();
    const ticket = await issueWith(verifier);
    const examination = verifier.examine(withTicket(ticket));
    const [one, other] = await Promise.all([examination.authorize(OPEN), examination.authorize(OPEN)]);
    expect(one).toMatchObject({ jkt: client.jkt, subject: 'user', hasTicket: true });
    expect(other).toBe(one);
    expect(verified).toBe(2);
    await expect(verifier.verify(withTicket(ticket), OPEN)).rejects.toMatchObject({
      reason: 'ticket_spent',
    });
  });

  test('may go on for longer than the ticket lives, as a socket does', async () => {
    const verifier = verifierWith();
    const examination = verifier.examine(withTicket(await issueWith(verifier)));
    const verdict = await examination.authorize(OPEN);
    nowSeconds += 3600;
    expect(await examination.authorize(OPEN)).toBe(verdict);
  });

  test('leaves the ticket unspent when it is refused', async () => {
    const verifier = verifierWith();
    const ticket = await issueWith(verifier);
    for (const [policy, reason] of [
      [{ ...OPEN, scopes: ['write'] }, 'scope_insufficient'],
      [{ ...OPEN, nonce: 'required' }, 'ticket_nonce'],
      [CLOSED, 'credentials_missing'],
    ] as const)
      await expect(verifier.verify(withTicket(ticket), policy)).rejects.toMatchObject({ reason });
    expect(await verifier.verify(withTicket(ticket), OPEN)).toMatchObject({ hasTicket: true });
  });

  test('reaches a route of one host if the client signed that host when it fetched the ticket', async () => {
    const origin = ['https://first.example.com', 'https://api.example.com'];
    const verifier = verifierWith({ origin });
    const onHost = async (host: string): Promise<unknown> => {
      const request = withTicket(await issueWith(verifier));
      return await verifier.verify({ ...request, servesHost: (name) => name === host }, OPEN);
    };
    expect(await onHost('api.example.com')).toMatchObject({ hasTicket: true });
    await expect(onHost('first.example.com')).rejects.toMatchObject({ reason: 'ticket_path' });
  });

  test('is not the only kind that its route takes', async () => {
    const proof = await client.createProof({ method: 'GET', url: FEED, token: 'token' });
    const rawHeaders = ['Authorization', 'DPoP token', 'DPoP', proof];
    const request: DpopRequest = { method: 'GET', target: '/feed', rawHeaders };
    expect(await verifierWith().verify(request, OPEN)).toMatchObject({ hasTicket: false, subject: 'user' });
  });

  test('is refused beside other credentials', async () => {
    const verifier = verifierWith();
    const request = withTicket(await issueWith(verifier), ['Authorization', 'DPoP token']);
    await expect(verifier.verify(request, OPEN)).rejects.toMatchObject({
      reason: 'ticket_beside_credentials',
    });
  });

  test('is refused by a service that forbids tickets, and by another verifier with a seal of its own', async () => {
    const ticket = await issueWith(verifierWith());
    await expect(verifierWith().verify(withTicket(ticket), OPEN)).rejects.toMatchObject({
      reason: 'ticket_invalid',
    });
    const forbidding = verifierWith({ tickets: 'forbid' });
    await expect(forbidding.verify(withTicket(ticket), OPEN)).rejects.toMatchObject({
      reason: 'credentials_missing',
    });
  });
});

describe('whether a request is anonymous (K2)', () => {
  const isAnonymous = (request: Partial<DpopRequest>, policy = OPEN, verifier = verifierWith()): boolean =>
    verifier.examine({ method: 'GET', target: '/feed', rawHeaders: [], ...request }).isAnonymous(policy);

  test('depends on its fields, whatever they are', () => {
    expect(isAnonymous({ rawHeaders: ['Cookie', 'a'] })).toBe(true);
    expect(isAnonymous({ rawHeaders: ['Authorization', ''] })).toBe(false);
    expect(isAnonymous({ rawHeaders: ['DPoP', ''] })).toBe(false);
    expect(isAnonymous({ rawHeaders: ['Authorization', '', 'DPoP', ''] })).toBe(false);
  });

  test('depends on a ticket where one is read', () => {
    const request = withTicket('not-a-ticket');
    expect(isAnonymous(request)).toBe(false);
    expect(isAnonymous(request, CLOSED)).toBe(true);
    expect(isAnonymous(request, OPEN, verifierWith({ tickets: 'forbid' }))).toBe(true);
  });
});

describe('the decision on a request with a ticket (D9)', () => {
  const decisions: unknown[] = [];
  const listen = (decision: unknown): void => void decisions.push(decision);

  beforeEach(() => {
    decisions.length = 0;
  });

  afterEach(() => {
    unsubscribe(DPOP_DECISION_CHANNEL, listen);
  });

  test('says that it had one, where tickets are read', async () => {
    const verifier = verifierWith();
    const ticket = await issueWith(verifier);
    subscribe(DPOP_DECISION_CHANNEL, listen);
    await verifier.verify(withTicket(ticket), OPEN);
    await expect(verifier.verify(withTicket('not-a-ticket'), OPEN)).rejects.toThrow();
    await expect(verifier.verify(withTicket(ticket), CLOSED)).rejects.toThrow();
    expect(decisions).toMatchObject([
      { outcome: 'accepted', hasTicket: true, jkt: client.jkt },
      { outcome: 'refused', hasTicket: true, reason: 'ticket_invalid' },
      { outcome: 'refused', hasTicket: false, reason: 'credentials_missing' },
    ]);
  });
});
