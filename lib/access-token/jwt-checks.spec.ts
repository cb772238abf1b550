import { describe, expect, test } from '@jest/globals';
import type { JwtAccessTokenOptions, RequirableClaim } from '../issuer/jwt-access-token-options.js';
import {
  assertGivenTimes,
  assertIssuerAndAudience,
  assertRequiredClaims,
  assertTimes,
  assertType,
  createJwtRules,
} from './jwt-checks.js';
import { readPresentedJwt } from './presented-jwt.js';

const NOW = 1_800_000_000;

const rulesOf = (changes: Partial<JwtAccessTokenOptions> = {}) =>
  createJwtRules({ issuer: 'https://issuer.test', audience: 'https://api.test', ...changes });

/** What the check refuses, as reason and details; `undefined` if it does not. */
function refusalOf(check: () => void): unknown {
  try {
    check();
  } catch (error) {
    const { reason, details } = error as { readonly reason: unknown; readonly details: unknown };
    return [reason, details];
  }
  return undefined;
}

describe('the rules for tokens of one issuer (B1)', () => {
  test('have defaults: at+jwt, and ten seconds', () => {
    expect(rulesOf()).toEqual({
      issuers: ['https://issuer.test'],
      audiences: ['https://api.test'],
      types: ['at+jwt'],
      acceptsAnyType: false,
      acceptsAbsentType: false,
      requiredClaims: [],
      toleranceSeconds: 10,
    });
  });

  test('have the options: several audiences, types in the form in which they are compared, and a tolerance', () => {
    const typ = ['Application/JWT', 'absent', 'x+application/y', 'any'];
    expect(rulesOf({ audience: ['a', 'b'], typ, clockToleranceSeconds: 0 })).toMatchObject({
      audiences: ['a', 'b'],
      types: ['jwt', 'x+application/y'],
      acceptsAnyType: true,
      acceptsAbsentType: true,
      toleranceSeconds: 0,
    });
  });
});

describe('the type of a token (B1)', () => {
  test('is one of those, whatever its case and with application/ or without', () => {
    const rules = rulesOf({ typ: ['at+jwt', 'JWT'] });
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'APPLICATION/JWT', 'jwt'])
      expect(refusalOf(() => assertType(typ, rules))).toBeUndefined();
    for (const typ of [
      'dpop+jwt',
      'application/application/jwt',
      '',
      undefined,
      null,
      7,
      ['jwt'],
      'any',
      'absent',
    ])
      expect(refusalOf(() => assertType(typ, rules))).toEqual([
        'token_type',
        { expected: ['at+jwt', 'jwt'] },
      ]);
  });

  test('may be absent, or any, by option', () => {
    const absent = rulesOf({ typ: ['JWT', 'absent'] });
    expect(refusalOf(() => assertType(undefined, absent))).toBeUndefined();
    expect(refusalOf(() => assertType(null, absent))).toEqual([
      'token_type',
      { expected: ['jwt', 'absent'] },
    ]);
    expect(refusalOf(() => assertType('absent', absent))).toBeDefined();
    for (const typ of ['x', undefined, 7])
      expect(refusalOf(() => assertType(typ, rulesOf({ typ: 'any' })))).toBeUndefined();
  });
});

describe('issuer and audience of a token (B1)', () => {
  const rules = rulesOf({ audience: ['a', 'b'] });
  const refusal = (iss: unknown, aud: unknown) =>
    refusalOf(() => assertIssuerAndAudience({ iss, aud }, rules));

  test('are these', () => {
    for (const aud of ['a', 'b', ['x', 'b'], ['a', 7]])
      expect(refusal('https://issuer.test', aud)).toBeUndefined();
    for (const iss of ['https://issuer.test/', undefined, ['https://issuer.test']])
      expect(refusal(iss, 'a')).toEqual(['token_issuer', { expected: ['https://issuer.test'] }]);
    for (const aud of ['c', 'ab', '', [], ['c'], [['a']], undefined, null, { a: 'a' }])
      expect(refusal('https://issuer.test', aud)).toEqual(['token_audience', { expected: ['a', 'b'] }]);
  });
});

describe('the times of a token (B1)', () => {
  const refusal = (claims: Readonly<Record<string, unknown>>) =>
    refusalOf(() => assertTimes({ exp: NOW + 60, ...claims }, rulesOf(), NOW));

  test('have the tolerance on both sides, to the fraction of a second', () => {
    for (const claims of [
      {},
      { exp: NOW - 9.999 },
      { nbf: NOW + 10 },
      { iat: NOW + 10 },
      { nbf: 0, iat: -1 },
      { exp: Number.MAX_VALUE },
    ])
      expect(refusal(claims)).toBeUndefined();
    expect(refusal({ exp: NOW - 10 })).toEqual(['token_expired', { offBySeconds: 0 }]);
    expect(refusal({ exp: NOW - 12.5 })).toEqual(['token_expired', { offBySeconds: 3 }]);
    for (const detail of ['nbf', 'iat']) {
      expect(refusal({ [detail]: NOW + 10.5 })).toEqual(['token_not_yet_valid', { detail, offBySeconds: 1 }]);
      expect(refusal({ [detail]: NOW + 13 })).toEqual(['token_not_yet_valid', { detail, offBySeconds: 3 }]);
    }
  });

  test.each([['text'], [null], [Infinity], [Number.NaN], [[NOW]]])('are numbers, and not %p', (time) => {
    for (const detail of ['exp', 'nbf', 'iat'])
      expect(refusal({ [detail]: time })).toEqual(['token_invalid', { detail }]);
  });

  test('need exp', () => {
    expect(refusal({ exp: undefined })).toEqual(['token_invalid', { detail: 'exp' }]);
  });
});

describe('a presented token (B6)', () => {
  const payload = Buffer.from('{"iss":"i"}').toString('base64url');
  const header = Buffer.from('{"alg":"ES256"}').toString('base64url');

  test('has its claims also where it is malformed, if it has three segments', () => {
    expect(readPresentedJwt(`${header}.${payload}.c2ln`)).toMatchObject({
      jws: { header, payload },
      claims: { iss: 'i' },
    });
    for (const token of [`.${payload}.`, `!.${payload}.!`])
      expect(readPresentedJwt(token)).toEqual({ jws: undefined, claims: { iss: 'i' } });
    for (const token of ['', payload, `${header}.${payload}`, `a.${payload}.b.c`, `a.${payload}.b.`, 'a.!.b'])
      expect(readPresentedJwt(token)).toEqual({ jws: undefined, claims: undefined });
  });
});

describe('claims that the options require (B1)', () => {
  const texts = ['iss', 'sub', 'client_id', 'jti'] as const;
  const times = ['exp', 'iat', 'nbf'] as const;
  const rows: readonly (readonly [RequirableClaim, readonly unknown[], readonly unknown[]])[] = [
    ...texts.map((name) => [name, ['x'], [undefined, null, '', 1, ['x']]] as const),
    ...times.map((name) => [name, [0, 1.5], [undefined, null, '1', Infinity, Number.NaN]] as const),
    ['aud', ['x', ['x'], ['', 'x']], [undefined, '', [], [''], [1], {}]],
  ];

  test.each(rows)('%s', (name, good, bad) => {
    const outcomeOf = (value: unknown, requiredClaims: readonly RequirableClaim[]): unknown =>
      refusalOf(() => assertRequiredClaims({ [name]: value }, rulesOf({ requiredClaims })));
    for (const value of good) expect(outcomeOf(value, [name])).toBeUndefined();
    for (const value of bad) {
      expect(outcomeOf(value, [name])).toEqual(['token_invalid', { detail: name }]);
      expect(outcomeOf(value, [])).toBeUndefined();
    }
  });

  test('are missed one by one', () => {
    const rules = rulesOf({ requiredClaims: ['sub', 'jti'] });
    expect(refusalOf(() => assertRequiredClaims({ sub: 'x' }, rules))).toEqual([
      'token_invalid',
      { detail: 'jti' },
    ]);
  });
});

describe('times of which none is required (B7)', () => {
  test.each<[object, unknown]>([
    [{}, undefined],
    [{ exp: NOW, nbf: NOW, iat: NOW }, undefined],
    [{ exp: null }, ['token_invalid', { detail: 'exp' }]],
    [{ exp: String(NOW + 60) }, ['token_invalid', { detail: 'exp' }]],
    [{ exp: NOW - 10 }, ['token_expired', { offBySeconds: 0 }]],
    [{ nbf: '1' }, ['token_invalid', { detail: 'nbf' }]],
    [{ iat: NOW + 11 }, ['token_not_yet_valid', { detail: 'iat', offBySeconds: 1 }]],
  ])('%j', (claims, refusal) => {
    expect(refusalOf(() => assertGivenTimes({ ...claims }, { toleranceSeconds: 10 }, NOW))).toEqual(refusal);
  });
});
