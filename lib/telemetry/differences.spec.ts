import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { differ, type DpopDifference, publishDifference, toOutcome } from './differences.js';

/** Operators subscribe by this name. */
const CHANNEL = 'nestjs-dpop:difference';

describe('what a configuration decides (K1)', () => {
  test('is told by outcome, code, reason and detail', () => {
    expect(toOutcome(undefined)).toStrictEqual({
      outcome: 'accepted',
      code: undefined,
      reason: undefined,
      detail: undefined,
    });
    expect(toOutcome(new DpopError('token_invalid', { detail: 'kid' }))).toStrictEqual({
      outcome: 'refused',
      code: 'invalid_token',
      reason: 'token_invalid',
      detail: 'kid',
    });
    expect(toOutcome(new DpopUnavailableError('issuer_unavailable'))).toStrictEqual({
      outcome: 'unavailable',
      code: 'temporarily_unavailable',
      reason: 'issuer_unavailable',
      detail: undefined,
    });
  });

  test('differs where a client would be answered otherwise', () => {
    const accepted = toOutcome(undefined);
    const expired = toOutcome(new DpopError('token_expired'));
    const invalid = toOutcome(new DpopError('token_invalid', { detail: 'kid' }));
    const stale = toOutcome(new DpopError('proof_stale'));
    const unavailable = toOutcome(new DpopUnavailableError('issuer_unavailable'));
    const failed = toOutcome(new DpopUnavailableError('internal_failure'));
    for (const [one, other] of [
      [accepted, expired],
      [expired, stale],
      [expired, unavailable],
      [accepted, unavailable],
    ] as const)
      expect([differ(one, other), differ(other, one)]).toEqual([true, true]);
    for (const [one, other] of [
      [accepted, toOutcome(undefined)],
      // The same code in the challenge.
      [expired, invalid],
      [unavailable, failed],
    ] as const)
      expect([differ(one, other), differ(other, one)]).toEqual([false, false]);
    expect(differ(accepted, { ...accepted, outcome: 'unavailable' })).toBe(true);
  });

  test('is published to those who subscribe', () => {
    const published: unknown[] = [];
    const listener = (message: unknown): void => void published.push(message);
    const difference: DpopDifference = {
      method: 'GET',
      issuer: undefined,
      clientId: undefined,
      jkt: undefined,
      present: toOutcome(undefined),
      trial: toOutcome(new DpopError('proof_stale')),
    };
    publishDifference(difference);
    subscribe(CHANNEL, listener);
    publishDifference(difference);
    unsubscribe(CHANNEL, listener);
    expect(published).toEqual([difference]);
  });
});
