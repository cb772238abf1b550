import { describe, expect, test } from '@jest/globals';
import { createJwtRules } from '../access-token/jwt-checks.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { readIntrospectedClaims } from './introspected-claims.js';

const NOW = 1_800_000_000;
const ISSUER = 'https://a.test';
const API = 'https://api.test';
const GOOD = { active: true, aud: API, sub: 'user' };

function read(
  response: object,
  { signed, ...changes }: Partial<JwtAccessTokenOptions> & { readonly signed?: AccessTokenClaims } = {},
  acceptsAbsentAudience = false,
): unknown {
  const rules = {
    ...createJwtRules({ issuer: ISSUER, audience: [API, 'other'], ...changes }),
    acceptsAbsentAudience,
  };
  try {
    return readIntrospectedClaims({ ...response }, rules, NOW, signed);
  } catch (error) {
    const { name, message, reason, details } = error as Record<string, unknown>;
    return name === 'OutboundError' ? message : { reason, ...(details as object | undefined) };
  }
}

describe('what an issuer says about a token (B7)', () => {
  test('is its claims, with the issuer that was asked', () => {
    expect(read(GOOD)).toEqual({ ...GOOD, iss: ISSUER });
    expect(read({ ...GOOD, iss: ISSUER })).toEqual({ ...GOOD, iss: ISSUER });
  });

  test.each([undefined, false, 'true', 1, null])('is nothing if active is %j', (active) => {
    expect(read({ ...GOOD, active })).toEqual({ reason: 'token_inactive' });
  });

  test.each<[object, unknown]>([
    [{ iss: 'https://b.test' }, { reason: 'token_issuer', expected: [ISSUER] }],
    [{ aud: 'https://b.test' }, { reason: 'token_audience', expected: [API, 'other'] }],
    [{ aud: undefined }, { reason: 'token_audience', expected: [API, 'other'] }],
    [{ exp: NOW - 10 }, { reason: 'token_expired', offBySeconds: 0 }],
    [{ nbf: NOW + 11 }, { reason: 'token_not_yet_valid', detail: 'nbf', offBySeconds: 1 }],
    [{ iat: NOW + 11 }, { reason: 'token_not_yet_valid', detail: 'iat', offBySeconds: 1 }],
    [{ exp: '1' }, 'its response has an exp that is no number'],
    [{ nbf: null }, 'its response has an nbf that is no number'],
    [{ iat: Infinity }, 'its response has an iat that is no number'],
    [{ token_type: 'DPoP' }, { reason: 'token_unbound' }],
    [{ token_type: 'dpop', cnf: {} }, { reason: 'token_unbound' }],
    [{ token_type: 'DPoP', cnf: 'x' }, { reason: 'token_unbound' }],
    [
      { token_type: 'Bearer', cnf: { jkt: 'x' } },
      { reason: 'token_type', expected: ['DPoP'] },
    ],
    [
      { token_type: 7, cnf: { jkt: 'x' } },
      { reason: 'token_type', expected: ['DPoP'] },
    ],
  ])('is refused with %j', (changes, refusal) => {
    expect(read({ ...GOOD, ...changes })).toEqual(refusal);
  });

  test.each([
    { aud: ['x', 'other'] },
    { exp: NOW - 9, nbf: NOW + 10, iat: NOW + 10 },
    { token_type: 'DPoP', cnf: { jkt: 'x' } },
    { token_type: 'dpop', cnf: { jkt: 'x' } },
    { cnf: { jkt: 'x' } },
    { token_type: 'Bearer' },
    { token_type: 'Bearer', cnf: { kid: 'x' } },
  ])('is accepted with %j', (changes) => {
    expect(read({ ...GOOD, ...changes })).toMatchObject(changes);
  });

  test('may leave out the audience by option, and must not name another', () => {
    const { aud: _aud, ...rest } = GOOD;
    expect(read(rest, {}, true)).toEqual({ ...rest, iss: ISSUER });
    expect(read({ ...rest, aud: 'x' }, {}, true)).toMatchObject({ reason: 'token_audience' });
    expect(read({ ...rest, aud: null }, {}, true)).toMatchObject({ reason: 'token_audience' });
  });

  test('has the claims that the options require', () => {
    expect(read(GOOD, { requiredClaims: ['jti'] })).toEqual({ reason: 'token_invalid', detail: 'jti' });
    expect(read(GOOD, { requiredClaims: ['iss', 'sub'] })).toMatchObject(GOOD);
  });
});

describe('what an issuer says about a token whose signature is verified (B7)', () => {
  const signed = { iss: ISSUER, aud: API, sub: 'signed', jti: 'x', cnf: { jkt: 'key' } };

  test('is the signed claims before all others', () => {
    expect(read({ active: true, sub: 'other', scope: 'read' }, { signed })).toEqual({
      ...signed,
      active: true,
      scope: 'read',
    });
    expect(read({ active: true }, { signed, requiredClaims: ['jti'] })).toMatchObject(signed);
  });

  test('must not name another audience, another issuer or another key', () => {
    expect(read({ active: true, aud: 'x' }, { signed })).toMatchObject({ reason: 'token_audience' });
    expect(read({ active: true, iss: 'x' }, { signed })).toMatchObject({ reason: 'token_issuer' });
    const otherKey = 'its response names another key than the signed token';
    expect(read({ active: true, cnf: { jkt: 'other' } }, { signed })).toBe(otherKey);
    expect(read({ active: true, cnf: 'key' }, { signed })).toBe(otherKey);
    expect(read({ active: true, cnf: { jkt: 'key' } }, { signed })).toMatchObject(signed);
    const { cnf: _cnf, ...unbound } = signed;
    expect(read({ active: true, cnf: { jkt: 'key' } }, { signed: unbound })).toMatchObject({
      cnf: { jkt: 'key' },
    });
  });
});
