import { beforeAll, describe, expect, test } from '@jest/globals';
import { providerOf } from '../../test/profiles/provider-shapes.js';
import { ProviderTokens } from '../../test/profiles/verify-token.js';
import { parseJwtAccessTokenOptions } from '../issuer/issuer-option-parser.js';
import { keycloak, type KeycloakArguments } from './keycloak.js';

const FACTS = { url: 'https://sso.example.com', realm: 'main', audience: 'accounts-api' };
const messageOf = (changes: object): string => {
  try {
    keycloak({ ...FACTS, ...changes });
  } catch (error) {
    return (error as TypeError).message;
  }
  return 'no error';
};

test('keycloak gives the issuer, the location of the keys, and what tokens look like (B1)', () => {
  const options = keycloak(FACTS);
  expect(options).toEqual({
    issuer: 'https://sso.example.com/realms/main',
    audience: 'accounts-api',
    jwksUri: 'https://sso.example.com/realms/main/protocol/openid-connect/certs',
    typ: ['at+jwt', 'JWT'],
    readRights: expect.any(Function),
    advise: expect.any(Function),
  });
  expect([options, options.typ].every(Object.isFrozen)).toBe(true);
});

test.each([
  ['https://sso.example.com/auth', 'main', 'https://sso.example.com/auth/realms/main'],
  ['https://sso.example.com:8443', 'a.b_c~d-1', 'https://sso.example.com:8443/realms/a.b_c~d-1'],
  ['http://localhost:8080', 'main', 'http://localhost:8080/realms/main'],
  // The option allowInsecureHttp of the module decides.
  ['http://keycloak:8080', 'main', 'http://keycloak:8080/realms/main'],
])('keycloak takes %s and the realm %s (B1)', (url, realm, issuer) => {
  expect(keycloak({ ...FACTS, url, realm }).issuer).toBe(issuer);
});

describe('errors of arguments of keycloak (I4)', () => {
  test.each([
    'https://sso.example.com/',
    'https://sso.example.com/auth/',
    'https://sso.example.com/realms/main',
    'https://sso.example.com/realms',
    'https://SSO.example.com',
    'https://sso.example.com:443',
    'https://sso.example.com/a/../b',
    'https://sso.example.com?x',
    'https://sso.example.com#x',
    'sso.example.com',
    'ftp://sso.example.com',
    '',
    42,
    undefined,
    null,
  ])('url %j', (url) => {
    const message = messageOf({ url });
    expect(message).toMatch(/^keycloak\(\) url must be the URL of Keycloak before \/realms/);
    expect(message).toContain(`it is ${url === undefined ? 'undefined' : JSON.stringify(url)}`);
  });

  test('url with userinfo is not shown', () => {
    expect(messageOf({ url: 'https://user:secret@sso.example.com' })).toMatch(
      /^keycloak\(\) url must be .*userinfo(?!.*secret)/,
    );
  });

  test.each(['my realm', 'a/b', 'ä', 'a%20b', 'a?b', '.', '..', '', 42, undefined])('realm %j', (realm) => {
    expect(messageOf({ realm })).toMatch(
      /^keycloak\(\) realm must be the name of the realm, .*write any name here and override what has it: \{ \.\.\.keycloak\(\{ …, realm: "any" \}\), issuer, jwksUri \}; it is /,
    );
  });

  test('the way out for a realm with other characters', () => {
    const issuer = 'https://sso.example.com/realms/my%20realm';
    const jwksUri = `${issuer}/protocol/openid-connect/certs`;
    const accessToken = { ...keycloak({ ...FACTS, realm: 'any' }), issuer, jwksUri };
    const parsed = parseJwtAccessTokenOptions(accessToken, 'accessToken', false);
    expect(JSON.stringify(parsed)).not.toContain('any');
  });

  test.each(['', [], [''], ['a', 42], undefined])('audience %j', (audience) => {
    expect(messageOf({ audience })).toMatch(
      /^keycloak\(\) audience must be this service as the issuer names/,
    );
  });

  test('an unknown name, and something else than an object', () => {
    expect(messageOf({ clientId: 'x' })).toBe(
      'keycloak() has no option "clientId"; known: url, realm, audience',
    );
    expect(() => keycloak('https://sso.example.com' as unknown as KeycloakArguments)).toThrow(
      /^keycloak\(\) must be given an object/,
    );
  });
});

describe('tokens of Keycloak (B13)', () => {
  let tokens: ProviderTokens;

  beforeAll(async () => {
    tokens = await ProviderTokens.create('keycloak');
  });

  test.each(['JWT', 'at+jwt', 'application/at+jwt'])('of the type %s are accepted', async (typ) => {
    expect(await tokens.outcomeOf({ header: { typ } })).toEqual({ rights: providerOf('keycloak').rights });
  });

  test.each([undefined, 'dpop+jwt', 'logout+jwt'])('of the type %s are not', async (typ) => {
    expect(await tokens.outcomeOf({ header: { typ } })).toMatchObject({ reason: 'token_type' });
  });

  test.each(['DPoP', 'Bearer', undefined])('with the typ %s in the payload are accepted', async (typ) => {
    expect(await tokens.outcomeOf({ claims: { typ } })).toHaveProperty('rights');
  });

  const NO_ROLES = { roles: [], clientRoles: {} };

  test.each([
    ['no roles', { realm_access: undefined, resource_access: undefined }, NO_ROLES],
    ['roles of another form', { realm_access: { roles: 'admin' }, resource_access: ['admin'] }, NO_ROLES],
    ['access of another form', { realm_access: 'admin', resource_access: 'admin' }, NO_ROLES],
    ['null', { realm_access: null, resource_access: null }, NO_ROLES],
    [
      'a client without roles',
      { resource_access: { a: {}, b: null, c: 'x' } },
      { clientRoles: { a: [], b: [], c: [] } },
    ],
    ['names that are no strings', { realm_access: { roles: ['a', 1, null] } }, { roles: ['a'] }],
    ['a top-level claim roles', { realm_access: undefined, roles: ['admin'] }, { roles: [] }],
    ['groups', { realm_access: undefined, groups: ['/admin'] }, { roles: [] }],
    ['no azp', { azp: undefined, client_id: 'other' }, { clientId: undefined }],
  ])('with %s', async (_what, claims, rights) => {
    expect(await tokens.outcomeOf({ claims })).toMatchObject({ rights });
  });

  test('with a client that is called __proto__ or constructor have roles of these names only', async () => {
    const access = JSON.parse('{"__proto__":{"roles":["a"]},"constructor":{"roles":["b"]}}') as object;
    const outcome = await tokens.outcomeOf({ claims: { resource_access: access } });
    const { clientRoles } = (outcome as { rights: { clientRoles: object } }).rights;
    expect(Object.entries(clientRoles)).toEqual([
      ['__proto__', ['a']],
      ['constructor', ['b']],
    ]);
    expect('toString' in clientRoles).toBe(false);
  });
});
