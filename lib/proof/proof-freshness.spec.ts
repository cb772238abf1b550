import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DpopError } from '../errors/dpop.error.js';
import type { ProofClaims } from './proof-claims.js';
import { assertFreshness, refusedAfterWait } from './proof-freshness.js';

function reasonOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? error.reason : String(error);
  }
}

function refusalOf(check: () => unknown): unknown {
  try {
    return check();
  } catch (error) {
    return error instanceof DpopError ? [error.reason, error.details] : error;
  }
}

describe('freshness (C11)', () => {
  const NOW = 1_700_000_000;
  const window = { maxAgeSeconds: 60, futureToleranceSeconds: 30 };
  const claims = (times: Partial<ProofClaims>): ProofClaims => ({
    jti: 'a',
    htm: 'GET',
    htu: 'https://a.example/',
    iat: NOW,
    ath: undefined,
    nonce: undefined,
    exp: undefined,
    nbf: undefined,
    ...times,
  });
  const check = (times: Partial<ProofClaims>, nonceExpiresAt?: number) =>
    reasonOf(() => assertFreshness(claims(times), NOW, window, nonceExpiresAt));

  test.each([
    [NOW - 60, undefined],
    [NOW - 60.001, 'proof_stale'],
    [NOW + 30, undefined],
    [NOW + 30.001, 'proof_early'],
    [0, 'proof_stale'],
    [Number.MAX_VALUE, 'proof_early'],
  ])('the interval is closed, fractions counted: iat %s', (iat, reason) => {
    expect(check({ iat })).toBe(reason);
  });

  test('is exactly the closed interval, and what is returned is the last fresh instant', () => {
    const milliseconds = fc.integer({ min: -200_000, max: 200_000 });
    const seconds = fc.integer({ min: 0, max: 200 });
    fc.assert(
      fc.property(milliseconds, seconds, seconds, (offset, maxAgeSeconds, futureToleranceSeconds) => {
        // In eighths, which are exact in binary: a border is a border then.
        const iat = NOW + Math.round(offset / 125) / 8;
        const rules = { maxAgeSeconds, futureToleranceSeconds };
        const fresh = iat >= NOW - maxAgeSeconds && iat <= NOW + futureToleranceSeconds;
        const judge = (now: number) =>
          reasonOf(() => assertFreshness(claims({ iat }), now, rules, undefined));
        expect(judge(NOW) === undefined).toBe(fresh);
        if (!fresh) return;
        const until = assertFreshness(claims({ iat }), NOW, rules, undefined);
        expect(judge(until)).toBeUndefined();
        expect(judge(until + 0.125)).toBe('proof_stale');
      }),
      { numRuns: 300 },
    );
  });

  test('by nonce, the time of the nonce takes the place of iat', () => {
    expect(assertFreshness(claims({ iat: 0 }), NOW, window, NOW + 120)).toBe(NOW + 120);
    expect(assertFreshness(claims({ iat: NOW * 2 }), NOW, window, NOW + 120)).toBe(NOW + 120);
  });

  test.each([undefined, NOW + 120])(
    'exp and nbf are honoured if present (nonce until %s)',
    (nonceExpiresAt) => {
      expect(check({ exp: NOW - 30 }, nonceExpiresAt)).toBeUndefined();
      expect(check({ exp: NOW - 30.5 }, nonceExpiresAt)).toBe('proof_stale');
      expect(check({ nbf: NOW + 30 }, nonceExpiresAt)).toBeUndefined();
      expect(check({ nbf: NOW + 30.5 }, nonceExpiresAt)).toBe('proof_early');
    },
  );

  test.each<[string, string, string, number, Partial<ProofClaims>]>([
    ['proof_stale', 'iat', 'iat at most 60 s ago', 5, { iat: NOW - 64.5 }],
    ['proof_early', 'iat', 'iat at most 30 s ahead of the clock of this service', 3, { iat: NOW + 32.5 }],
    ['proof_stale', 'exp', 'exp at most 30 s ago', 7, { exp: NOW - 36.5 }],
    ['proof_early', 'nbf', 'nbf at most 30 s ahead of the clock of this service', 9, { nbf: NOW + 38.5 }],
  ])('the operator is told by how much: %s, %s (D9)', (reason, detail, expected, offBySeconds, times) => {
    const details = { detail, expected: [expected], offBySeconds };
    expect(refusalOf(() => assertFreshness(claims(times), NOW, window, undefined))).toEqual([
      reason,
      details,
    ]);
  });

  test('a proof that grows old while it waits is refused like one that came too late (D9)', () => {
    const refuse = (freshness: 'iat' | 'nonce') => {
      const { reason, details } = refusedAfterWait(1.5, { freshness, maxAgeSeconds: 60 });
      return [reason, details];
    };
    expect(refuse('iat')).toEqual([
      'proof_stale',
      { detail: 'iat', expected: ['iat at most 60 s ago'], offBySeconds: 2 },
    ]);
    expect(refuse('nonce')).toEqual(['proof_stale', { detail: 'nonce', offBySeconds: 2 }]);
  });
});
