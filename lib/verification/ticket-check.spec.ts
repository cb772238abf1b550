import { hash } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { readCredentialFields } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { ReplayStore } from '../storage/replay.store.js';
import { TimedReplayStore } from '../storage/timed-replay.store.js';
import type { TicketContent } from '../tickets/ticket-content.js';
import { TicketSeal } from '../tickets/ticket-seal.js';
import { TicketCheck } from './ticket-check.js';
import { TokenCheck } from './token-check.js';
import { createVerdict } from './verdict.js';

const NOW_SECONDS = 1_700_000_000;
const LIFETIME_SECONDS = 20;
const FUTURE_TOLERANCE_SECONDS = 7;
const ORIGIN = 'https://api.example.com';
const JKT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';
const TOKEN = 'an-opaque-token';
const REQUEST: DpopRequest = { method: 'GET', target: '/feed?ticket=x', rawHeaders: [] };
const NO_FIELDS = readCredentialFields([]);
const VERDICT = createVerdict('DPoP', TOKEN, {}, JKT, {
  expiresAtSeconds: 0,
  renewalDue: false,
  epoch: 'AAAAAAAB',
});

const CONTENT: TicketContent = {
  origin: ORIGIN,
  path: '/feed',
  expiresAtSeconds: NOW_SECONDS + LIFETIME_SECONDS,
  scheme: 'DPoP',
  jkt: JKT,
  hasNonce: true,
  epoch: 'AAAAAAAC',
  token: TOKEN,
};

let nowSeconds: number;

class FakeTokens extends AccessTokenVerifier {
  override verify(): never {
    throw new Error('a ticket is issued and opened without a look at its token');
  }
}

class FakeStore extends ReplayStore {
  #epoch = 'AAAAAAAB';

  override claim(): never {
    throw new Error('a ticket is issued and opened without a record');
  }

  override epochOf(jkt: string): string {
    return jkt === JKT ? this.#epoch : `not ${jkt}`;
  }

  override refreshEpoch(jkt: string): Promise<void> {
    if (jkt === JKT) this.#epoch = 'AAAAAAAC';
    return Promise.resolve();
  }
}

const seal = new TicketSeal({
  secrets: new FixedNonceSecrets(),
  service: 'test',
  lifetimeSeconds: LIFETIME_SECONDS,
});

function checkWith(options: Partial<DpopModuleOptions> = {}): TicketCheck {
  const tokens = new FakeTokens();
  const rules = createConfig({
    origin: ORIGIN,
    accessToken: tokens,
    proof: { futureToleranceSeconds: FUTURE_TOLERANCE_SECONDS },
    maxTokenBytes: 256,
    clock: () => nowSeconds * 1000,
    ...options,
  });
  return new TicketCheck(rules, seal, new TokenCheck(tokens), new TimedReplayStore(new FakeStore()));
}

const sealed = (changes: Partial<TicketContent> = {}): string => seal.seal({ ...CONTENT, ...changes });

beforeEach(() => {
  nowSeconds = NOW_SECONDS;
});

describe('a ticket is issued (J2)', () => {
  test('for the verdict, the route and the present epoch of the client', async () => {
    nowSeconds += 0.9;
    const issued = await checkWith().issue(VERDICT, REQUEST, '/feed');
    expect(issued.expiresAtSeconds).toBe(NOW_SECONDS + LIFETIME_SECONDS);
    expect(Object.isFrozen(issued)).toBe(true);
    expect(seal.open(issued.ticket)).toEqual({ ...CONTENT, id: expect.any(String) });
  });

  test.each([
    [10.5, 10],
    [LIFETIME_SECONDS + 1, LIFETIME_SECONDS],
  ])('and not for longer than the token: one that ends in %d s has %d s', async (tokenSeconds, seconds) => {
    const verdict = createVerdict('DPoP', TOKEN, { exp: NOW_SECONDS + tokenSeconds }, JKT);
    const { ticket, expiresAtSeconds } = await checkWith().issue(verdict, REQUEST, '/feed');
    expect(expiresAtSeconds).toBe(NOW_SECONDS + seconds);
    expect(seal.open(ticket)).toMatchObject({ expiresAtSeconds, hasNonce: false });
  });

  test('for an unbound token, which has no thumbprint', async () => {
    const { ticket } = await checkWith().issue(createVerdict('Bearer', TOKEN, {}), REQUEST, '/feed');
    expect(seal.open(ticket)).toMatchObject({ scheme: 'Bearer', jkt: '', epoch: 'not ' });
  });

  test('for the origin that the client signed, or the first of the service for an unbound token', async () => {
    const check = checkWith({ origin: ['https://first.example.com', ORIGIN] });
    const issuing = async (...signed: string[]) =>
      seal.open((await check.issue(VERDICT, REQUEST, '/feed', ...signed)).ticket);
    expect(await issuing(ORIGIN)).toMatchObject({ origin: ORIGIN });
    expect(await issuing()).toMatchObject({ origin: 'https://first.example.com' });
  });

  test('for no path that no request has', async () => {
    await expect(checkWith().issue(VERDICT, REQUEST, 'feed')).rejects.toBeInstanceOf(DpopUnavailableError);
  });
});

describe('a ticket is opened (J2)', () => {
  const refusalOf = (check: () => unknown): unknown => {
    try {
      return check();
    } catch (error) {
      const { reason, details } = error as { readonly reason: unknown; readonly details: object };
      return { reason, ...details };
    }
  };

  test('with all that it was sealed with', () => {
    const ticket = sealed();
    const opened = checkWith().open([ticket], REQUEST, NO_FIELDS);
    expect(opened).toEqual({ ...CONTENT, id: ticket.slice(0, 32) });
  });

  test('at any of the origins of the service', () => {
    const check = checkWith({ origin: ['https://other.example.com', ORIGIN] });
    expect(check.open([sealed()], REQUEST, NO_FIELDS)).toMatchObject(CONTENT);
  });

  test('if it is the only one, and comes without other credentials', () => {
    const opening = (tickets: readonly string[], rawHeaders: readonly string[] = []): unknown =>
      refusalOf(() => checkWith().open(tickets, REQUEST, readCredentialFields(rawHeaders)));
    expect(opening([sealed(), sealed()])).toEqual({ reason: 'ticket_repeated' });
    const beside = { reason: 'ticket_beside_credentials' };
    expect(opening([sealed()], ['Authorization', ''])).toEqual(beside);
    expect(opening([sealed()], ['DPoP', ''])).toEqual(beside);
    expect(opening(['not-a-ticket'])).toEqual({ reason: 'ticket_invalid' });
  });

  test('up to twice the length of the longest token, and 8 KiB', () => {
    const maxCharacters = 2 * 256 + 8192;
    let [text, atLimit, overLimit] = ['', '', ''];
    // Compression decides how long a ticket is: the text grows until a ticket is as long as may be, and longer.
    for (let i = 0; overLimit === ''; i += 1) {
      text += hash('sha256', String(i), 'base64url').slice(0, text.length < 8000 ? 43 : 1);
      const ticket = sealed({ token: text });
      if (ticket.length === maxCharacters) atLimit = ticket;
      if (ticket.length > maxCharacters) overLimit = ticket;
    }
    const opening = (ticket: string): unknown =>
      refusalOf(() => checkWith().open([ticket], REQUEST, NO_FIELDS));
    expect(atLimit).toHaveLength(maxCharacters);
    expect(opening(atLimit)).toMatchObject({ path: '/feed' });
    expect(seal.open(overLimit)).toMatchObject({ path: '/feed' });
    expect(opening(overLimit)).toEqual({ reason: 'ticket_invalid' });
  });

  test.each([
    [LIFETIME_SECONDS - 0.1, undefined],
    [LIFETIME_SECONDS, { reason: 'ticket_expired', offBySeconds: 0 }],
    [LIFETIME_SECONDS + 1.2, { reason: 'ticket_expired', offBySeconds: 2 }],
    [-FUTURE_TOLERANCE_SECONDS, undefined],
    [-FUTURE_TOLERANCE_SECONDS - 0.2, { reason: 'ticket_early', offBySeconds: 1 }],
    [-FUTURE_TOLERANCE_SECONDS - 1.5, { reason: 'ticket_early', offBySeconds: 2 }],
  ])('while it lives: %d s after it was issued', (seconds, refusal) => {
    const ticket = sealed();
    nowSeconds += seconds;
    const opening = (): unknown => checkWith().open([ticket], REQUEST, NO_FIELDS);
    if (refusal === undefined) expect(opening()).toMatchObject(CONTENT);
    else expect(refusalOf(opening)).toEqual(refusal);
  });

  test('at its route alone', () => {
    const opening = (content: Partial<TicketContent>, request: Partial<DpopRequest> = {}): unknown =>
      refusalOf(() => checkWith().open([sealed(content)], { ...REQUEST, ...request }, NO_FIELDS));
    const elsewhere = { reason: 'ticket_path', detail: 'path' };
    expect(opening({}, { target: '/feed/?ticket=x' })).toEqual(elsewhere);
    expect(opening({}, { target: '/fee%64' })).toEqual(elsewhere);
    expect(opening({ origin: 'https://other.example.com' })).toEqual({
      reason: 'ticket_path',
      detail: 'origin',
      expected: [ORIGIN],
    });
  });
});
