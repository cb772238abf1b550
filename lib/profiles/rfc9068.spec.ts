import { beforeAll, describe, expect, test } from '@jest/globals';
import { providerOf } from '../../test/profiles/provider-shapes.js';
import { ProviderTokens } from '../../test/profiles/verify-token.js';
import { rfc9068, type Rfc9068Arguments } from './rfc9068.js';

const FACTS = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' };

test('rfc9068 requires the type at+jwt and the seven claims, and leaves the keys to discovery (B1)', () => {
  const options = rfc9068(FACTS);
  expect(options).toEqual({
    ...FACTS,
    typ: 'at+jwt',
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    readRights: expect.any(Function),
    advise: expect.any(Function),
  });
  expect([options, options.requiredClaims].every(Object.isFrozen)).toBe(true);
  const audience = ['a', 'b'];
  const several = rfc9068({ ...FACTS, audience }).audience;
  expect(several).toEqual(audience);
  expect(several).not.toBe(audience);
});

describe('errors of arguments of rfc9068 (I4)', () => {
  test.each([
    'auth.example.com',
    'https://auth.example.com?x',
    'https://auth.example.com#x',
    '',
    42,
    undefined,
  ])('issuer %j', (issuer) => {
    expect(() => rfc9068({ ...FACTS, issuer } as Rfc9068Arguments)).toThrow(
      /^rfc9068\(\) issuer must be an https URL, the issuer exactly as in iss, .*; it is /,
    );
  });

  test('issuer with userinfo is not shown', () => {
    expect(() => rfc9068({ ...FACTS, issuer: 'https://user:secret@auth.example.com' })).toThrow(
      /userinfo(?!.*secret)/,
    );
  });

  test('audience and an unknown name', () => {
    expect(() => rfc9068({ ...FACTS, audience: [] })).toThrow(/^rfc9068\(\) audience must be/);
    expect(() => rfc9068({ ...FACTS, typ: 'JWT' } as Rfc9068Arguments)).toThrow(
      /^rfc9068\(\) has no option "typ"/,
    );
  });
});

describe('tokens of RFC 9068 (B1)', () => {
  let tokens: ProviderTokens;

  beforeAll(async () => {
    tokens = await ProviderTokens.create('rfc9068');
  });

  test('are accepted, also without a scope', async () => {
    expect(await tokens.outcomeOf()).toEqual({ rights: providerOf('rfc9068').rights });
    expect(await tokens.outcomeOf({ claims: { scope: undefined } })).toHaveProperty('rights');
  });

  const values: readonly (readonly [claim: string, values: readonly unknown[]])[] = [
    ['sub', [undefined, null, '', 42, ['ada'], {}]],
    ['client_id', [undefined, null, '', 42, ['x']]],
    ['jti', [undefined, null, '', 42, ['x']]],
    ['iat', [undefined, null, '1', [1]]],
    ['exp', [undefined, null, '1']],
  ];

  test.each(values.flatMap(([claim, items]) => items.map((value) => [claim, value] as const)))(
    'are refused where %s is %j',
    async (claim, value) => {
      expect(await tokens.outcomeOf({ claims: { [claim]: value } })).toEqual({
        reason: 'token_invalid',
        details: { detail: claim },
      });
    },
  );

  test.each(['JWT', undefined])('of the type %s are refused', async (typ) => {
    expect(await tokens.outcomeOf({ header: { typ } })).toMatchObject({ reason: 'token_type' });
  });
});
