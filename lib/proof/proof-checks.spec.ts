import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DpopError } from '../errors/dpop.error.js';
import { normalizeHttpUri } from '../http/http-uri.js';
import { assertAth, assertFreshness, assertHtm, assertHtu, refusedAfterWait } from './proof-checks.js';
import type { ProofClaims } from './proof-claims.js';

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

describe('htm (C8)', () => {
  test('equals the method, case-sensitive', () => {
    expect(reasonOf(() => assertHtm('GET', 'GET'))).toBeUndefined();
    for (const htm of ['get', 'Get', 'POST', 'GET ', ''])
      expect(reasonOf(() => assertHtm(htm, 'GET'))).toBe('proof_htm');
  });

  test('equals the method that was routed, too', () => {
    expect(reasonOf(() => assertHtm('POST', 'POST', 'POST'))).toBeUndefined();
    expect(reasonOf(() => assertHtm('POST', 'POST', 'DELETE'))).toBe('proof_htm');
    expect(reasonOf(() => assertHtm('DELETE', 'POST', 'DELETE'))).toBe('proof_htm');
  });

  test('the operator is told the claim (D9)', () => {
    expect(refusalOf(() => assertHtm('PUT', 'GET'))).toEqual(['proof_htm', { detail: 'htm' }]);
  });
});

describe('htu (C9)', () => {
  const check = (htu: string, path = '/v1/a', baseUrls = ['https://api.example.com']) =>
    reasonOf(() => assertHtu(htu, baseUrls, path, 'reject'));

  test.each([
    ['https://api.example.com/v1/a', '/v1/a'],
    ['HTTPS://API.example.com:443/v1/%61', '/v1/a'],
    ['https://api.example.com/v1/a', '/v1/%61'],
    ['https://api.example.com/v1/a', '/v1/x/../a'],
    ['https://api.example.com/v1/a%2fb', '/v1/a%2Fb'],
    ['https://api.example.com', '/'],
    ['https://api.example.com//evil.example/a', '//evil.example/a'],
  ])('%s is that of a request for %s', (htu, path) => {
    expect(check(htu, path)).toBeUndefined();
  });

  test.each([
    ['https://api.example.com/v1/a/', '/v1/a'],
    ['https://api.example.com/v1/A', '/v1/a'],
    ['https://api.example.com/v1/a/b', '/v1/a%2Fb'],
    ['https://evil.example/v1/a', '/v1/a'],
    ['http://api.example.com/v1/a', '/v1/a'],
    ['https://api.example.com:8443/v1/a', '/v1/a'],
    ['https://evil.example/a', '//evil.example/a'],
    ['https://api.example.com.evil.example/v1/a', '/v1/a'],
    ['/v1/a', '/v1/a'],
    ['https://user@api.example.com/v1/a', '/v1/a'],
    ['https://api.example.com/v1/%', '/v1/%'],
    ['https://api.example.com/v1/a', '/v1/%'],
    ['https://api.example.com/v1\\a', '/v1\\a'],
  ])('%s is not that of a request for %s', (htu, path) => {
    expect(check(htu, path)).toBe('proof_htu');
  });

  test('is for any of the origins, and for the prefix in front of the path', () => {
    const baseUrls = ['https://a.example', 'https://b.example/prefix'];
    expect(check('https://b.example/prefix/v1/a', '/v1/a', baseUrls)).toBeUndefined();
    expect(check('https://b.example/v1/a', '/v1/a', baseUrls)).toBe('proof_htu');
    expect(check('https://a.example/v1/a', '/v1/a', [])).toBe('proof_htu');
  });

  test.each(['?x=1', '?', '#x', '?x#y'])(
    'a query or fragment is ignored, or refused by option: %s',
    (rest) => {
      const htu = `https://api.example.com/v1/a${rest}`;
      const baseUrls = ['https://api.example.com'];
      expect(reasonOf(() => assertHtu(htu, baseUrls, '/v1/a', 'ignore'))).toBeUndefined();
      expect(refusalOf(() => assertHtu(htu, baseUrls, '/v1/a', 'reject'))).toEqual([
        'proof_htu_query',
        { detail: 'htu' },
      ]);
      expect(reasonOf(() => assertHtu(htu, baseUrls, '/v1/b', 'ignore'))).toBe('proof_htu');
    },
  );

  test('tells the operator what a proof could have been signed for, and nothing of the request (D9)', () => {
    const baseUrls = ['https://api.example.com', 'https://edge.example.com/v1'];
    for (const [htu, detail] of [
      ['https://other.example.com/secret', 'origin'],
      ['http://api.example.com/secret', 'origin'],
      ['https://api.example.com.evil.example/secret', 'origin'],
      ['https://edge.example.com/v1x/secret', 'origin'],
      ['https://api.example.com/other', 'path'],
      ['https://api.example.com', 'path'],
      ['https://edge.example.com/v1', 'path'],
      ['nonsense', 'htu'],
    ] as const) {
      let error: unknown;
      try {
        assertHtu(htu, baseUrls, '/secret', 'ignore');
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ details: { detail, expected: baseUrls } });
    }
  });

  test('a pair of equal strings is judged as by the long way', () => {
    const part = fc.constantFrom(
      '/',
      '//',
      'a',
      'B',
      '.',
      '..',
      '%61',
      '%2e',
      '%2F',
      '%',
      '\\',
      '@',
      ':',
      '?',
      '#',
      ' ',
      'é',
    );
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    const origin = fc.constantFrom('https://a.example', 'https://a.example/b', 'https://[::1]:8443');
    fc.assert(
      fc.property(origin, text, fc.option(text, { nil: undefined }), (baseUrl, rest, other) => {
        const path = `/${rest}`.replace(/[?#].*$/s, '');
        const htu = baseUrl + (other === undefined ? path : `/${other}`);
        const signed = normalizeHttpUri(htu);
        const requested = normalizeHttpUri(baseUrl + path);
        const long = signed !== undefined && signed.uri === requested?.uri;
        expect(reasonOf(() => assertHtu(htu, [baseUrl], path, 'ignore')) === undefined).toBe(long);
      }),
      { numRuns: 500 },
    );
  });
});

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

describe('ath (C12)', () => {
  const expected = hash('sha256', 'token', 'base64url');

  test('is the hash of the token, and nothing else', () => {
    expect(reasonOf(() => assertAth(expected, expected))).toBeUndefined();
    expect(refusalOf(() => assertAth(undefined, expected))).toEqual([
      'proof_claims',
      { detail: 'ath', expected: ['a string, base64url(SHA-256(access token))'] },
    ]);
    const others = [
      `${expected}=`,
      expected.slice(0, -1),
      expected.toUpperCase(),
      hash('sha256', 'other', 'base64url'),
      'é'.repeat(43),
    ];
    for (const ath of others) expect(reasonOf(() => assertAth(ath, expected))).toBe('proof_ath');
  });

  test('characters beyond ASCII are not taken for those with the same lowest octet', () => {
    const alias = String.fromCharCode(...[...expected].map((character) => character.charCodeAt(0) + 0x100));
    expect(reasonOf(() => assertAth(alias, expected))).toBe('proof_ath');
  });
});
