import { hash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { claimId } from '../storage/claim-id.js';
import { ReplayStore } from '../storage/replay.store.js';
import { TimedReplayStore } from '../storage/timed-replay.store.js';
import { type OpenedTicket, TicketSeal } from '../tickets/ticket-seal.js';
import { TicketCheck } from './ticket-check.js';
import { TokenCheck } from './token-check.js';

const NOW_SECONDS = 1_700_000_000;
const LIFETIME_SECONDS = 20;
const JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';
const TOKEN = 'an-opaque-token';
const ATH = hash('sha256', TOKEN, 'base64url');
const REQUEST: DpopRequest = { method: 'GET', target: '/feed?ticket=x', rawHeaders: [] };
const TICKET: OpenedTicket = {
  id: 'the-id-of-the-ticket',
  origin: 'https://api.example.com',
  path: '/feed',
  expiresAtSeconds: NOW_SECONDS + LIFETIME_SECONDS,
  scheme: 'DPoP',
  jkt: JKT,
  hasNonce: true,
  epoch: 'AAAAAAAB',
  token: TOKEN,
};
const BOUND: AccessTokenClaims = { sub: 'user', cnf: { jkt: JKT } };

let nowSeconds: number;
/** What was asked of the ports, in order. */
let asked: unknown[];
let answerToken: () => AccessTokenClaims;
let answerClaim: () => unknown;

class FakeTokens extends AccessTokenVerifier {
  override verify(...parts: unknown[]): AccessTokenClaims {
    asked.push(parts);
    return answerToken();
  }
}

class FakeStore extends ReplayStore {
  override claim(claim: unknown): never {
    asked.push(claim);
    return answerClaim() as never;
  }

  override epochOf(): string {
    return 'AAAAAAAC';
  }
}

function checkWith(options: Partial<DpopModuleOptions> = {}): TicketCheck {
  const accessToken = new FakeTokens();
  const rules = createConfig({
    origin: 'https://api.example.com',
    accessToken,
    proof: { futureToleranceSeconds: 7 },
    clock: () => nowSeconds * 1000,
    ...options,
  });
  const seal = new TicketSeal({
    secrets: new FixedNonceSecrets(),
    service: 'test',
    lifetimeSeconds: LIFETIME_SECONDS,
  });
  const tokens = new TokenCheck(accessToken, rules.confirmation);
  return new TicketCheck(rules, seal, tokens, new TimedReplayStore(new FakeStore()));
}

beforeEach(() => {
  nowSeconds = NOW_SECONDS;
  asked = [];
  answerToken = () => BOUND;
  answerClaim = () => 'first';
});

describe('the access token of a ticket (J2)', () => {
  test('is verified again, and the verdict has what it says now', async () => {
    const { verdict, ath } = await checkWith().redeem(TICKET, REQUEST);
    expect(asked).toEqual([[TOKEN, ATH, REQUEST]]);
    expect(ath).toBe(ATH);
    expect(verdict).toMatchObject({
      scheme: 'DPoP',
      jkt: JKT,
      claims: BOUND,
      hasNonce: true,
      hasTicket: true,
    });
    expect(verdict.token).toBe(TOKEN);
  });

  test('must still be bound to the key that the client has proved to hold', async () => {
    answerToken = () => ({ cnf: { jkt: 'another-thumbprint' } });
    await expect(checkWith().redeem(TICKET, REQUEST)).rejects.toMatchObject({ reason: 'ticket_binding' });
    answerToken = () => ({});
    await expect(checkWith().redeem(TICKET, REQUEST)).rejects.toMatchObject({ reason: 'token_unbound' });
  });

  test('must still be unbound if it was', async () => {
    const unbound: OpenedTicket = { ...TICKET, scheme: 'Bearer', jkt: '', hasNonce: false };
    answerToken = () => ({ sub: 'user' });
    const { verdict, ath } = await checkWith().redeem(unbound, REQUEST);
    expect(verdict).toMatchObject({ scheme: 'Bearer', jkt: undefined, hasNonce: false, subject: 'user' });
    expect(ath).toBe(ATH);
    answerToken = () => BOUND;
    await expect(checkWith().redeem(unbound, REQUEST)).rejects.toMatchObject({
      reason: 'bound_token_as_bearer',
    });
  });

  test.each([
    ['at once', (answer: boolean) => answer],
    ['by a promise', (answer: boolean) => Promise.resolve(answer)],
  ])('has its second confirmation checked on the request with the ticket, %s (B11)', async (_how, by) => {
    const cnf = { jkt: JKT, 'x5t#S256': 'certificate' };
    answerToken = () => ({ cnf });
    const confirmed: unknown[] = [];
    const redeeming = (answer: boolean) =>
      checkWith({ confirmation: (...parts) => (confirmed.push(parts), by(answer)) }).redeem(TICKET, REQUEST);
    expect(await redeeming(true)).toMatchObject({ verdict: { jkt: JKT, claims: { cnf } } });
    await expect(redeeming(false)).rejects.toMatchObject({ reason: 'confirmation_mismatch' });
    expect(confirmed).toEqual([
      [cnf, REQUEST],
      [cnf, REQUEST],
    ]);
  });
});

describe('a ticket is spent (J2)', () => {
  test('by a record of its own kind, which is kept until it has expired on every instance (F4, F6)', async () => {
    nowSeconds += 0.25;
    await checkWith().spend(TICKET);
    expect(asked).toEqual([
      {
        id: claimId('ticket', TICKET.id),
        jkt: JKT,
        nowSeconds,
        proofTimeSeconds: TICKET.expiresAtSeconds,
        freshUntilSeconds: TICKET.expiresAtSeconds,
        lifetimeSeconds: LIFETIME_SECONDS + 7,
        epoch: 'AAAAAAAB',
        afterDataLoss: 'refuse',
      },
    ]);
  });

  test.each([
    ['replayed', 'ticket_spent'],
    ['unknown', 'ticket_renewal'],
  ])('once: a store that answers %s refuses it as %s (F6)', async (answer, reason) => {
    answerClaim = () => answer;
    const check = checkWith({ onReplayStoreFailure: 'accept-and-report' });
    await expect(check.spend(TICKET)).rejects.toMatchObject({ name: 'DpopError', reason });
  });

  test('by no other answer, and the operator is told which there are (D8, D9)', async () => {
    answerClaim = () => 'OK';
    const check = checkWith({ onReplayStoreFailure: 'accept-and-report' });
    await expect(check.spend(TICKET)).rejects.toMatchObject({
      name: 'DpopUnavailableError',
      reason: 'replay_store_unavailable',
      advice: 'ReplayStore.claim must answer "first", "replayed" or "unknown"',
    });
  });

  test('by a store that works: no option tolerates a failure (F5, D8)', async () => {
    answerClaim = () => Promise.reject(new Error('gone'));
    const check = checkWith({ onReplayStoreFailure: 'accept-and-report' });
    await expect(check.spend(TICKET)).rejects.toMatchObject({ reason: 'replay_store_unavailable' });
  });

  test('while it lives: it may have expired since it was opened (F4)', async () => {
    nowSeconds = TICKET.expiresAtSeconds;
    await expect(checkWith().spend(TICKET)).rejects.toMatchObject({
      reason: 'ticket_expired',
      details: { offBySeconds: 0 },
    });
    expect(asked).toStrictEqual([]);
  });
});
