import { beforeAll, describe, expect, test } from '@jest/globals';
import { providerOf } from '../../test/profiles/provider-shapes.js';
import { ProviderTokens } from '../../test/profiles/verify-token.js';
import { okta, type OktaArguments } from './okta.js';

const FACTS = { domain: 'example.okta.com', authorizationServerId: 'default', audience: 'api://default' };

test('okta gives the issuer, the location of the keys, and what tokens look like (B1)', () => {
  const options = okta(FACTS);
  expect(options).toEqual({
    issuer: 'https://example.okta.com/oauth2/default',
    audience: 'api://default',
    jwksUri: 'https://example.okta.com/oauth2/default/v1/keys',
    typ: ['absent', 'at+jwt', 'JWT'],
    algorithms: ['RS256'],
    readRights: expect.any(Function),
    advise: expect.any(Function),
  });
  expect([options, options.typ, options.algorithms].every(Object.isFrozen)).toBe(true);
  expect(okta({ ...FACTS, authorizationServerId: 'aus1gs1k2' }).issuer).toBe(
    'https://example.okta.com/oauth2/aus1gs1k2',
  );
});

describe('errors of arguments of okta (I4)', () => {
  test.each([
    'https://example.okta.com',
    'example.okta.com/',
    'example.okta.com/oauth2/default',
    42,
    undefined,
  ])('domain %j', (domain) => {
    expect(() => okta({ ...FACTS, domain } as OktaArguments)).toThrow(
      /^okta\(\) domain must be a host name in lower case, without scheme, path or slash, .*; it is /,
    );
  });

  test.each(['example-admin.okta.com', 'example-admin.oktapreview.com'])('domain %s', (domain) => {
    expect(() => okta({ ...FACTS, domain })).toThrow(
      `okta() domain must be the domain that clients use, without "-admin"; it is "${domain}"`,
    );
  });

  test.each([
    '',
    '/default',
    'default/',
    'a b',
    'https://example.okta.com/oauth2/default',
    42,
    undefined,
    null,
  ])('authorizationServerId %j', (authorizationServerId) => {
    expect(() => okta({ ...FACTS, authorizationServerId } as OktaArguments)).toThrow(
      /^okta\(\) authorizationServerId must be the id of a custom authorization server, such as "default"; .*; it is /,
    );
  });

  test('audience and an unknown name', () => {
    expect(() => okta({ ...FACTS, audience: '' })).toThrow(/^okta\(\) audience must be/);
    expect(() => okta({ ...FACTS, issuer: 'x' } as OktaArguments)).toThrow(
      /^okta\(\) has no option "issuer"/,
    );
  });
});

describe('tokens of Okta (B13)', () => {
  let tokens: ProviderTokens;

  beforeAll(async () => {
    tokens = await ProviderTokens.create('okta');
  });

  test.each([undefined, 'JWT', 'at+jwt'])('of the type %s are accepted', async (typ) => {
    expect(await tokens.outcomeOf({ header: { typ } })).toEqual({ rights: providerOf('okta').rights });
  });

  test.each(['application/okta-internal-at+jwt', 'okta-internal-at+jwt', '', 'dpop+jwt'])(
    'of the type %j are not',
    async (typ) => {
      expect(await tokens.outcomeOf({ header: { typ } })).toMatchObject({ reason: 'token_type' });
    },
  );

  test('have groups in the claims only, and the client in cid only', async () => {
    const claims = { groups: ['admin'], cid: undefined, azp: 'x', client_id: 'y' };
    expect(await tokens.outcomeOf({ claims })).toMatchObject({
      rights: { roles: [], permissions: [], clientId: undefined },
    });
  });
});
