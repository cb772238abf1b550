import { describe, expect, test } from '@jest/globals';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { auth0 } from './auth0.js';
import { entra } from './entra.js';
import { keycloak } from './keycloak.js';
import { okta } from './okta.js';
import { rfc9068 } from './rfc9068.js';

const TENANT = '11111111-2222-3333-4444-555555555555';
const CLIENT = '66666666-7777-8888-9999-000000000000';
const audience = 'https://api.test';
const PROFILES = {
  auth0: auth0({ domain: 'example.eu.auth0.com', audience }),
  'entra v2': entra({ tenantId: TENANT, audience: CLIENT }),
  'entra v1': entra({ tenantId: TENANT, audience: CLIENT, version: 1 }),
  keycloak: keycloak({ url: 'https://sso.example.com', realm: 'bank', audience }),
  okta: okta({ domain: 'example.okta.com', authorizationServerId: 'default', audience }),
  rfc9068: rfc9068({ issuer: 'https://auth.example.com', audience }),
} as const satisfies Readonly<Record<string, JwtAccessTokenOptions>>;

type Profile = keyof typeof PROFILES;

/** What the profile says to a refused token of its issuer with these changes. */
function adviceOf(
  profile: Profile,
  reason: RefusedToken['reason'],
  { claims, ...parts }: Partial<RefusedToken> = {},
): string | undefined {
  const { issuer, advise } = PROFILES[profile];
  const own = { iss: issuer, ...claims };
  return advise?.({ reason, segments: 3, header: {}, claims: own, ...parts }, issuer);
}

const names = Object.keys(PROFILES) as Profile[];
const ID_TOKEN = 'the client sent an ID token: it must send the access token';
const REFRESH_TOKEN = 'the client sent a refresh token: it must send the access token';

describe.each(names)('a token of %s that is another one than the access token (D9)', (profile) => {
  test.each<[string, object, string]>([
    ['ID in the payload', { typ: 'ID' }, ID_TOKEN],
    ['a nonce', { nonce: 'x' }, ID_TOKEN],
    ['an at_hash', { at_hash: 'x' }, ID_TOKEN],
    ['a c_hash', { c_hash: 'x' }, ID_TOKEN],
    ['an s_hash', { s_hash: 'x' }, ID_TOKEN],
    ['ID in the payload, and a scope', { typ: 'ID', scope: 'x' }, ID_TOKEN],
    ['Refresh in the payload', { typ: 'Refresh' }, REFRESH_TOKEN],
    ['Offline in the payload', { typ: 'Offline' }, REFRESH_TOKEN],
  ])('is told by %s', (_what, claims, advice) => {
    for (const reason of ['token_invalid', 'token_audience', 'token_type', 'token_unbound'] as const)
      expect(adviceOf(profile, reason, { claims: { ...claims } })).toBe(advice);
    expect(adviceOf(profile, 'token_expired', { claims: { ...claims } })).toBeUndefined();
  });

  test.each([{ nonce: 'x', scope: 'x' }, { at_hash: 'x', scp: [] }, { typ: 'Bearer' }, {}])(
    'is not taken for one by %j',
    (claims) => {
      expect(adviceOf(profile, 'token_unbound', { claims: { ...claims } })).not.toMatch(/the client sent a/);
    },
  );

  test('is not spoken of if it names another issuer, or cannot be read', () => {
    const claims = { iss: 'https://x.test', typ: 'ID' };
    expect(adviceOf(profile, 'token_issuer', { claims })).toBeUndefined();
    expect(adviceOf(profile, 'token_type', { claims })).toBeUndefined();
    const { issuer, advise } = PROFILES[profile];
    const opaque = { reason: 'token_type', segments: 3, header: undefined, claims: undefined } as const;
    expect(advise?.(opaque, issuer)).toBeUndefined();
  });

  test('has no advice for what needs none', () => {
    for (const reason of ['token_expired', 'proof_htu', 'token_invalid'] as const)
      expect(adviceOf(profile, reason)).toBeUndefined();
  });
});

const LOGIN = 'https://login.microsoftonline.com';
const OTHER = '99999999-2222-3333-4444-555555555555';
const graph = '00000003-0000-0000-c000-000000000000';

describe('what to change at the provider (D9)', () => {
  test.each<[Profile, RefusedToken['reason'], Partial<RefusedToken>, RegExp | undefined]>([
    ['auth0', 'token_audience', {}, /^let the client send audience, .* to Auth0$/],
    ['auth0', 'token_unbound', {}, /^set the token sender-constraining .* token endpoint$/],
    ['auth0', 'token_invalid', { header: { alg: 'HS256' } }, /^choose RS256 as the signing algorithm/],
    ['auth0', 'token_type', { header: { alg: 'HS256' } }, undefined],
    ['auth0', 'token_invalid', { header: undefined }, undefined],
    ['auth0', 'token_invalid', { segments: 1 }, /^Auth0 issues an opaque or encrypted token/],
    ['auth0', 'token_type', { segments: 1 }, undefined],
    ['auth0', 'token_invalid', { segments: 2 }, undefined],
    ['auth0', 'token_invalid', { segments: 5 }, /^Auth0 issues an opaque or encrypted token/],
    ['auth0', 'token_type', { segments: 5 }, undefined],
    ['auth0', 'token_invalid', { segments: 5, header: undefined }, /^Auth0 issues an opaque/],
    ['auth0', 'token_invalid', { segments: 5, header: { alg: 'dir' } }, /^Auth0 issues an opaque/],
    ['auth0', 'token_invalid', { segments: 5, header: { alg: 'RSA-OAEP' } }, /^switch off the encryption/],
    ['entra v2', 'token_audience', {}, /^let the client ask Entra ID for a scope of this API/],
    ['entra v2', 'token_unbound', {}, /^Microsoft documents no way/],
    ['entra v2', 'token_type', { header: { typ: 'pop' } }, /^the client sent a signed HTTP request/],
    ['entra v2', 'token_audience', { claims: { aud: graph } }, /^the token is for Microsoft Graph/],
    [
      'entra v2',
      'token_audience',
      { claims: { aud: 'https://graph.microsoft.com/' } },
      /^the token is for Microsoft Graph/,
    ],
    [
      'entra v2',
      'token_audience',
      { claims: { aud: 'https://graph.microsoft.com' } },
      /^the token is for Microsoft Graph/,
    ],
    ['entra v2', 'token_audience', { claims: { aud: [graph] } }, /^let the client ask Entra ID/],
    ['entra v2', 'token_issuer', { claims: { iss: 7 } }, undefined],
    ['entra v2', 'token_issuer', { claims: { iss: `https://x.test/${LOGIN}/` } }, undefined],
    [
      'entra v2',
      'token_issuer',
      { claims: { iss: `${LOGIN}/${OTHER}/v2.0` } },
      /^another tenant of Entra ID issued it/,
    ],
    ['entra v2', 'token_type', { claims: { iss: `${LOGIN}/${OTHER}/v2.0` } }, undefined],
    [
      'entra v2',
      'token_issuer',
      { claims: { iss: `https://sts.windows.net/${TENANT}/` } },
      /^the token has version 1: /,
    ],
    [
      'entra v1',
      'token_issuer',
      { claims: { iss: `${LOGIN}/${TENANT}/v2.0` } },
      /^the token has version 2: /,
    ],
    ['entra v1', 'token_audience', {}, /^let the client ask Entra ID/],
    ['keycloak', 'token_audience', {}, /^add a mapper of the type Audience, with the audience/],
    ['keycloak', 'token_unbound', {}, /^switch on "Require DPoP bound tokens"/],
    ['keycloak', 'token_inactive', {}, /^the session has ended or the token is revoked/],
    [
      'keycloak',
      'token_issuer',
      { claims: { iss: 'http://keycloak:8080/realms/bank' } },
      /^a realm of the same name at another URL issued it/,
    ],
    ['keycloak', 'token_type', { claims: { iss: 'http://keycloak:8080/realms/bank' } }, undefined],
    ['keycloak', 'token_issuer', { claims: { iss: 'http://keycloak:8080/realms/other' } }, undefined],
    ['keycloak', 'token_issuer', { claims: { iss: 7 } }, undefined],
    [
      'okta',
      'token_issuer',
      { claims: { iss: 'https://example.okta.com' } },
      /^the authorization server of the Okta organization issued it/,
    ],
    [
      'okta',
      'token_type',
      { header: { typ: 'okta-internal-at+jwt' } },
      /^the authorization server of the Okta organization issued it/,
    ],
    [
      'okta',
      'token_type',
      { header: { typ: 'application/OKTA-internal-at+jwt' } },
      /^the authorization server of the Okta organization issued it/,
    ],
    ['okta', 'token_type', { header: { typ: 'x/okta-internal-at+jwt' } }, undefined],
    ['okta', 'token_type', { header: { typ: 'okta-internal-at+jwt2' } }, undefined],
    ['okta', 'token_type', { header: { typ: ['okta-internal-at+jwt'] } }, undefined],
    [
      'okta',
      'token_issuer',
      { claims: { iss: 'https://example.okta.com/oauth2/other' } },
      /^another authorization server of this Okta organization/,
    ],
    ['okta', 'token_type', { claims: { iss: 'https://example.okta.com/oauth2/other' } }, undefined],
    ['okta', 'token_issuer', { claims: { iss: 'https://x.okta.com/oauth2/other' } }, undefined],
    ['okta', 'token_issuer', { claims: { iss: 7 } }, undefined],
    ['okta', 'token_audience', {}, /^the authorization server in Okta has one audience/],
    ['okta', 'token_unbound', {}, /^switch on "Require Demonstrating Proof of Possession/],
    ['rfc9068', 'token_type', {}, /^the issuer does not follow RFC 9068/],
    ['rfc9068', 'token_unbound', {}, /^register the client with dpop_bound_access_tokens/],
    ['rfc9068', 'token_audience', {}, undefined],
  ])('%s: %s with %j', (profile, reason, changes, words) => {
    const advice = adviceOf(profile, reason, changes);
    if (words === undefined) expect(advice).toBeUndefined();
    else expect(advice).toMatch(words);
  });

  test('is told for a national cloud of Entra ID, too', () => {
    const issuer = `https://login.microsoftonline.us/${TENANT}/v2.0`;
    const claims = { iss: `https://login.microsoftonline.us/${OTHER}/v2.0` };
    const token = { reason: 'token_issuer', segments: 3, header: {}, claims } as const;
    expect(PROFILES['entra v2'].advise?.(token, issuer)).toMatch(/^another tenant of Entra ID/);
    expect(adviceOf('entra v2', 'token_issuer', { claims })).toBeUndefined();
  });
});

describe('what profiles say of tokens and arguments (B1, I4)', () => {
  test('which algorithms a provider signs with', () => {
    const { algorithms } = auth0({ domain: 'example.eu.auth0.com', audience });
    expect(algorithms).toEqual(['RS256', 'RS512', 'PS256']);
    expect(entra({ tenantId: TENANT, audience: CLIENT }).algorithms).toEqual(['RS256']);
  });

  const TENANT_FORM = 'entra() tenantId must be the id of one tenant, a GUID in lower case';

  test.each<[() => unknown, string]>([
    [() => entra({ tenantId: `x${TENANT}`, audience: CLIENT }), `${TENANT_FORM}; it is "x${TENANT}"`],
    [() => entra({ tenantId: `${TENANT}x`, audience: CLIENT }), `${TENANT_FORM}; it is "${TENANT}x"`],
    [
      () => entra({ tenantId: [TENANT] as unknown as string, audience: CLIENT }),
      `${TENANT_FORM}; it is [ '${TENANT}' ]`,
    ],
    [
      () => entra({ tenantId: TENANT, audience: CLIENT, version: 3 as 2 }),
      'entra() version must be 1 or 2, the requestedAccessTokenVersion of the API; it is 3',
    ],
    [
      () => okta({ domain: 'example', authorizationServerId: 'default', audience }),
      'okta() domain must be a host name in lower case, without scheme, path or slash, such as "example.okta.com"; it is "example"',
    ],
    [
      () => okta({ domain: 'example.okta.com', authorizationServerId: 'a/b', audience }),
      'okta() authorizationServerId must be the id of a custom authorization server, such as "default"; the server of the organization itself, which has none, issues tokens that only Okta can verify; it is "a/b"',
    ],
    [
      () => keycloak({ url: 'https://sso.example.com', realm: 'a b', audience }),
      'keycloak() realm must be the name of the realm, of letters, digits, "-", ".", "_" and "~"; for a realm with other characters, which iss has percent-encoded, write any name here and override what has it: { ...keycloak({ …, realm: "any" }), issuer, jwksUri }; it is "a b"',
    ],
  ])('%# what is wrong, with its value', (create, message) => {
    expect(create).toThrow(new TypeError(message));
  });

  test.each(['bank.', '.bank', '..bank', 'bank..', '...'])('keycloak takes the realm %s', (realm) => {
    expect(keycloak({ url: 'https://sso.example.com', realm, audience }).issuer).toBe(
      `https://sso.example.com/realms/${realm}`,
    );
  });

  test('okta takes a domain that only looks like that of its administration', () => {
    const domain = 'example-admin.okta.com.example.com';
    expect(okta({ domain, authorizationServerId: 'default', audience }).issuer).toContain(domain);
  });
});
