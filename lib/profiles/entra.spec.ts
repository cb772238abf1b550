import { beforeAll, describe, expect, test } from '@jest/globals';
import { API, providerOf, TENANT } from '../../test/profiles/provider-shapes.js';
import { ProviderTokens } from '../../test/profiles/verify-token.js';
import { entra, type EntraArguments } from './entra.js';

const FACTS = { tenantId: TENANT, audience: API };

test('entra gives the issuer of either version, the location of the keys, and what tokens look like (B1)', () => {
  const options = entra(FACTS);
  expect(options).toEqual({
    issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    audience: API,
    jwksUri: `https://login.microsoftonline.com/${TENANT}/discovery/v2.0/keys`,
    typ: 'JWT',
    algorithms: ['RS256'],
    readRights: expect.any(Function),
    advise: expect.any(Function),
  });
  expect([options, options.algorithms].every(Object.isFrozen)).toBe(true);
  expect(entra({ ...FACTS, version: 2 })).toEqual(options);
  const audience = ['api://accounts', API];
  expect(entra({ ...FACTS, audience, version: 1 })).toEqual({
    ...options,
    issuer: `https://sts.windows.net/${TENANT}/`,
    audience,
  });
});

describe('errors of arguments of entra (I4)', () => {
  test.each(['common', 'organizations', 'consumers'])('tenantId %s', (tenantId) => {
    expect(() => entra({ ...FACTS, tenantId })).toThrow(
      `entra() tenantId must be the id of one tenant, a GUID in lower case; tokens never name a group of tenants as issuer: list entra({ … }) once for each tenant; it is "${tenantId}"`,
    );
  });

  test.each([
    'contoso.onmicrosoft.com',
    TENANT.toUpperCase(),
    `{${TENANT}}`,
    `${TENANT}/`,
    '',
    42,
    undefined,
  ])('tenantId %j', (tenantId) => {
    expect(() => entra({ ...FACTS, tenantId } as EntraArguments)).toThrow(
      /^entra\(\) tenantId must be the id of one tenant, a GUID in lower case; it is /,
    );
  });

  test.each([
    'api://accounts',
    `api://${API}`,
    API.toUpperCase(),
    [API, 'api://accounts'],
    [],
    '',
    undefined,
  ])('audience %j in version 2', (audience) => {
    expect(() => entra({ ...FACTS, audience } as EntraArguments)).toThrow(
      /^entra\(\) audience must be the client id of the API, a GUID in lower case, .*; it is /,
    );
  });

  test.each(['', [], undefined])('audience %j in version 1', (audience) => {
    expect(() => entra({ ...FACTS, audience, version: 1 } as EntraArguments)).toThrow(
      /^entra\(\) audience must be this service/,
    );
  });

  test.each(['2', 3, 0, null])('version %j', (version) => {
    expect(() => entra({ ...FACTS, version } as EntraArguments)).toThrow(
      /^entra\(\) version must be 1 or 2, the requestedAccessTokenVersion of the API; it is /,
    );
  });

  test('an unknown name', () => {
    expect(() => entra({ ...FACTS, tenant: 'x' } as EntraArguments)).toThrow(
      /^entra\(\) has no option "tenant"/,
    );
  });
});

describe.each(['entra', 'entraV1'] as const)('tokens of %s (B13)', (name) => {
  let tokens: ProviderTokens;

  beforeAll(async () => {
    tokens = await ProviderTokens.create(name);
  });

  test('of the type JWT are accepted', async () => {
    expect(await tokens.outcomeOf()).toEqual({ rights: providerOf(name).rights });
  });

  test.each([undefined, 'at+jwt', 'pop'])('of the type %s are not', async (typ) => {
    expect(await tokens.outcomeOf({ header: { typ } })).toMatchObject({ reason: 'token_type' });
  });

  test('of an app have roles and no scopes; wids and groups are in the claims only', async () => {
    const claims = { scp: undefined, roles: ['Accounts.Read.All'], wids: ['w'], groups: ['g'] };
    expect(await tokens.outcomeOf({ claims })).toMatchObject({
      rights: { scopes: [], roles: ['Accounts.Read.All'], permissions: [] },
    });
  });
});
