import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { publishUnexamined, RequestDecisions } from './decisions.js';

/** Operators subscribe by this name. */
const CHANNEL = 'nestjs-dpop:decision';
const SUBJECT = { issuer: 'https://issuer.test', clientId: 'client', jkt: 'jkt' };
const PLACE = { route: '/a', handler: 'A.b' };
const NOTHING = {
  enforced: true,
  code: undefined,
  reason: undefined,
  detail: undefined,
  expected: undefined,
  offBySeconds: undefined,
  method: 'GET',
  route: undefined,
  handler: undefined,
  issuer: undefined,
  clientId: undefined,
  jkt: undefined,
  hasTicket: false,
  replayChecked: true,
  revocationChecked: true,
  durationMs: expect.any(Number) as unknown,
};

describe('the decisions about one request (D6)', () => {
  let published: unknown[];
  const listener = (message: unknown): void => void published.push(message);

  beforeEach(() => {
    published = [];
    subscribe(CHANNEL, listener);
  });

  afterEach(() => {
    unsubscribe(CHANNEL, listener);
  });

  test('an acceptance is published once, however many guards ask, and says whose request it was', () => {
    const decisions = new RequestDecisions('GET');
    decisions.accepted(SUBJECT, undefined, undefined, () => PLACE);
    decisions.accepted(SUBJECT, undefined, undefined, () => PLACE);
    expect(published).toEqual([{ ...NOTHING, ...SUBJECT, ...PLACE, outcome: 'accepted' }]);
  });

  test('an acceptance without a replay check says so', () => {
    new RequestDecisions('GET').accepted(
      SUBJECT,
      new DpopUnavailableError('replay_store_unavailable'),
      undefined,
    );
    expect(published).toEqual([
      {
        ...NOTHING,
        ...SUBJECT,
        outcome: 'accepted',
        reason: 'replay_store_unavailable',
        replayChecked: false,
      },
    ]);
  });

  test('an acceptance without a revocation check says so, beside a replay check that was made', () => {
    const failure = new DpopUnavailableError('revocation_unavailable');
    new RequestDecisions('GET').accepted(SUBJECT, undefined, failure);
    expect(published).toEqual([
      {
        ...NOTHING,
        ...SUBJECT,
        outcome: 'accepted',
        reason: 'revocation_unavailable',
        revocationChecked: false,
      },
    ]);
  });

  test('a request that was let through as nobody is published once, without a subject', () => {
    const decisions = new RequestDecisions('GET');
    decisions.anonymous(() => PLACE);
    decisions.anonymous(() => PLACE);
    decisions.accepted(SUBJECT, undefined, undefined);
    expect(published).toEqual([{ ...NOTHING, ...PLACE, outcome: 'anonymous' }]);
  });

  test('a request with a ticket is told as one', () => {
    const decisions = new RequestDecisions('GET');
    decisions.hasTicket = true;
    decisions.accepted(SUBJECT, undefined, undefined);
    expect(published).toEqual([{ ...NOTHING, ...SUBJECT, hasTicket: true, outcome: 'accepted' }]);
  });

  test('a refusal that is only reported is published once, and does not hide one that is enforced (K1)', () => {
    const decisions = new RequestDecisions('GET');
    const error = new DpopError('proof_stale');
    const reject = (enforced: boolean): void => decisions.rejected(error, SUBJECT, undefined, enforced);
    for (const enforced of [false, false, true, true, false]) reject(enforced);
    expect(published).toMatchObject([
      { outcome: 'refused', enforced: false },
      { outcome: 'refused', enforced: true },
    ]);
  });

  test('a refusal is published once, with its details', () => {
    const decisions = new RequestDecisions('GET');
    const details = { detail: 'iat', expected: ['a'], offBySeconds: 3 } as const;
    const error = new DpopError('proof_stale', details);
    decisions.rejected(error, SUBJECT, () => PLACE);
    decisions.rejected(error, SUBJECT, () => PLACE);
    decisions.accepted(SUBJECT, undefined, undefined, () => PLACE);
    expect(published).toEqual([
      {
        ...NOTHING,
        ...SUBJECT,
        ...PLACE,
        ...details,
        outcome: 'refused',
        enforced: true,
        code: 'invalid_dpop_proof',
        reason: 'proof_stale',
      },
    ]);
  });

  test('a failure has no details, and no subject if nothing is known', () => {
    new RequestDecisions('GET').rejected(new DpopUnavailableError('internal_failure'), undefined);
    expect(published).toEqual([
      {
        ...NOTHING,
        outcome: 'unavailable',
        enforced: true,
        code: 'temporarily_unavailable',
        reason: 'internal_failure',
      },
    ]);
  });

  test('a later guard may reject what an earlier one accepted', () => {
    const decisions = new RequestDecisions('GET');
    decisions.accepted(SUBJECT, undefined, undefined);
    decisions.rejected(new DpopError('scope_insufficient'), SUBJECT);
    expect(published).toMatchObject([{ outcome: 'accepted' }, { outcome: 'refused' }]);
  });

  test('have the time since the first check', async () => {
    const decisions = new RequestDecisions('GET');
    const begunMs = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    decisions.accepted(SUBJECT, undefined, undefined);
    const { durationMs } = published[0] as { durationMs: number };
    expect(durationMs).toBeGreaterThan(0);
    expect(durationMs).toBeLessThan(begunMs);
  });

  test('that come before anything was known have the place', () => {
    publishUnexamined(new DpopError('credentials_missing'), { ...PLACE, method: 'POST' });
    expect(published).toEqual([
      {
        ...NOTHING,
        ...PLACE,
        method: 'POST',
        outcome: 'refused',
        enforced: true,
        code: 'credentials_missing',
        reason: 'credentials_missing',
      },
    ]);
  });

  test('cost nothing without a subscriber, and are not missing for one that comes later', () => {
    const decisions = new RequestDecisions('GET');
    const name = (): never => {
      throw new Error('asked');
    };
    unsubscribe(CHANNEL, listener);
    decisions.anonymous(name);
    decisions.accepted(SUBJECT, undefined, undefined, name);
    decisions.rejected(new DpopError('proof_stale'), SUBJECT, name);
    subscribe(CHANNEL, listener);
    decisions.accepted(SUBJECT, undefined, undefined);
    decisions.rejected(new DpopError('proof_stale'), SUBJECT);
    expect(published).toMatchObject([{ outcome: 'accepted' }, { outcome: 'refused' }]);
  });
});
