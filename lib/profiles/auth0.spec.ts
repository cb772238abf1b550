import { beforeAll, describe, expect, test } from '@jest/globals';
import { providerOf } from '../../test/profiles/provider-shapes.js';
import { ProviderTokens } from '../../test/profiles/verify-token.js';
import { auth0, type Auth0Arguments } from './auth0.js';

const FACTS = { domain: 'example.eu.auth0.com', audience: 'https://accounts.example.com' };

test('auth0 gives the issuer with its slash, the location of the keys, and what tokens look like (B1)', () => {
  const options = auth0(FACTS);
  expect(options).toEqual({
    issuer: 'https://example.eu.auth0.com/',
    audience: 'https://accounts.example.com',
    jwksUri: 'https://example.eu.auth0.com/.well-known/jwks.json',
    typ: ['at+jwt', 'JWT'],
    algorithms: ['RS256', 'RS512', 'PS256'],
    readRights: expect.any(Function),
    advise: expect.any(Function),
  });
  expect([options, options.typ, options.algorithms].every(Object.isFrozen)).toBe(true);
});

describe('errors of arguments of auth0 (I4)', () => {
  test.each([
    'https://example.eu.auth0.com',
    'https://example.eu.auth0.com/',
    'example.eu.auth0.com/',
    'Example.eu.auth0.com',
    'example',
    'example.eu.auth0.com:443',
    'example..auth0.com',
    '-a.auth0.com',
    'a b.auth0.com',
    'bücher.example',
    '',
    42,
    undefined,
  ])('domain %j', (domain) => {
    const facts = { ...FACTS, domain } as Auth0Arguments;
    expect(() => auth0(facts)).toThrow(TypeError);
    expect(() => auth0(facts)).toThrow(
      /^auth0\(\) domain must be a host name in lower case, without scheme, path or slash, such as "example\.eu\.auth0\.com"; it is /,
    );
  });

  test('domain with userinfo is not shown', () => {
    expect(() => auth0({ ...FACTS, domain: 'https://user:secret@example.com' })).toThrow(
      /^auth0\(\) domain must be (?!.*secret)/,
    );
  });

  test.each(['', [], [42], undefined])('audience %j', (audience) => {
    expect(() => auth0({ ...FACTS, audience } as Auth0Arguments)).toThrow(/^auth0\(\) audience must be/);
  });

  test('an unknown name', () => {
    expect(() => auth0({ ...FACTS, tenant: 'x' } as Auth0Arguments)).toThrow(
      'auth0() has no option "tenant"; known: domain, audience',
    );
  });
});

describe('tokens of Auth0 (B13)', () => {
  let tokens: ProviderTokens;

  beforeAll(async () => {
    tokens = await ProviderTokens.create('auth0');
  });

  test('of the dialect access_token are accepted', async () => {
    expect(await tokens.outcomeOf()).toEqual({ rights: providerOf('auth0').rights });
  });

  test('of the RFC 9068 profile are accepted, with the client in client_id', async () => {
    const outcome = await tokens.outcomeOf({
      header: { typ: 'at+jwt' },
      claims: { azp: undefined, client_id: 'qMzN0vXw', aud: FACTS.audience },
    });
    expect(outcome).toEqual({ rights: providerOf('auth0').rights });
  });

  test('without permissions have none', async () => {
    const rights = { permissions: [], scopes: ['openid', 'accounts:read'] };
    expect(await tokens.outcomeOf({ claims: { permissions: undefined } })).toMatchObject({ rights });
  });

  test('with a cnf inside act are not read there', async () => {
    const claims = { act: { sub: 'x', cnf: { jkt: 'y' } }, cnf: { jkt: 'z', 'x5t#S256': 'w' } };
    expect(await tokens.outcomeOf({ claims })).toHaveProperty('rights');
  });

  test.each([undefined, 'dpop+jwt'])('of the type %s are refused', async (typ) => {
    expect(await tokens.outcomeOf({ header: { typ } })).toMatchObject({ reason: 'token_type' });
  });
});
