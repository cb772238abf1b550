import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type AccessTokenClaims,
  AccessTokenVerifier,
  DpopError,
  DpopModule,
  type DpopModuleOptions,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import {
  issuerOf,
  PROVIDER_NAMES,
  type ProviderName,
  providerOf,
  TENANT,
} from './profiles/provider-shapes.js';
import { call } from './support/call.js';
import { GuardedController } from './support/guarded.controller.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

const clock = new HandClock();
/** Stands in the token wherever it may. No line may contain it. */
const MARKER = 'zq7kmarker';

let client: TestClient;
let logger: LogCollector;
const issuers = new Map<ProviderName, TestIssuer>();

beforeAll(async () => {
  client = await TestClient.create({ clock: clock.read });
  for (const name of PROVIDER_NAMES) issuers.set(name, await issuerOf(name, clock.read));
});

beforeEach(() => {
  logger = new LogCollector();
});

afterEach(closeApps);

interface Case {
  readonly of: ProviderName;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  /** A token that the issuer does not sign. */
  readonly token?: string;
  readonly reason: string;
  /** What the operator reads; `undefined` for a token that no provider knows anything about. */
  readonly advice: RegExp | undefined;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwe = (header: object): string => [encode(header), '', MARKER, MARKER, MARKER].join('.');
const unbound = { cnf: undefined };
const idToken = (aud: string) => ({
  ...unbound,
  aud,
  nonce: MARKER,
  at_hash: MARKER,
  scope: undefined,
  scp: undefined,
});
const V2 = `https://login.microsoftonline.com/${TENANT}/v2.0`;
const V1 = `https://sts.windows.net/${TENANT}/`;
const GRAPH = '00000003-0000-0000-c000-000000000000';
const OTHER_TENANT = '00000000-1111-4222-8333-444455556666';

const CASES: Readonly<Record<string, Case>> = {
  'Keycloak without an audience mapper': {
    of: 'keycloak',
    claims: { aud: 'account' },
    reason: 'token_audience',
    advice: /add a mapper of the type Audience/,
  },
  'Keycloak without any audience': {
    of: 'keycloak',
    claims: { aud: undefined },
    reason: 'token_audience',
    advice: /add a mapper of the type Audience/,
  },
  'Keycloak, unbound': {
    of: 'keycloak',
    claims: { ...unbound, typ: 'Bearer' },
    reason: 'token_unbound',
    advice: /switch on "Require DPoP bound tokens" for the client in Keycloak/,
  },
  'Keycloak under another host name': {
    of: 'keycloak',
    claims: { iss: `http://${MARKER}:8080/realms/main` },
    reason: 'token_issuer',
    advice: /a realm of the same name at another URL issued it: set the option hostname of Keycloak/,
  },
  'Keycloak, another realm': {
    of: 'keycloak',
    claims: { iss: 'https://sso.example.com/realms/mainz' },
    reason: 'token_issuer',
    advice: undefined,
  },
  'Keycloak, an ID token': {
    of: 'keycloak',
    claims: { ...unbound, typ: 'ID', aud: 'web-app' },
    reason: 'token_audience',
    advice: /the client sent an ID token: it must send the access token/,
  },
  'Keycloak, an ID token for this service': {
    of: 'keycloak',
    claims: idToken('accounts-api'),
    reason: 'token_unbound',
    advice: /the client sent an ID token/,
  },
  'Keycloak, a refresh token': {
    of: 'keycloak',
    claims: { typ: 'Refresh', aud: 'https://sso.example.com/realms/main' },
    reason: 'token_audience',
    advice: /the client sent a refresh token: it must send the access token/,
  },
  'Keycloak, a refresh token with its HMAC': {
    of: 'keycloak',
    token: `${encode({ alg: 'HS512', typ: 'JWT' })}.${encode({ iss: 'https://sso.example.com/realms/main', typ: 'Refresh' })}.${MARKER}`,
    reason: 'token_invalid: alg',
    advice: /the client sent a refresh token/,
  },
  'Auth0, opaque': {
    of: 'auth0',
    token: MARKER,
    reason: 'token_invalid: segments',
    advice: /Auth0 issues an opaque or encrypted token .*: let the client send audience/,
  },
  'Auth0, encrypted for want of an audience': {
    of: 'auth0',
    token: jwe({ alg: 'dir', enc: 'A256GCM', iss: 'https://example.eu.auth0.com/' }),
    reason: 'token_invalid: segments',
    advice: /Auth0 issues an opaque or encrypted token/,
  },
  'Auth0, encrypted for the API': {
    of: 'auth0',
    token: jwe({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: MARKER }),
    reason: 'token_invalid: segments',
    advice: /switch off the encryption of access tokens \(JWE\) for this API in Auth0/,
  },
  'Auth0, signed with HS256': {
    of: 'auth0',
    token: `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ iss: 'https://example.eu.auth0.com/', aud: MARKER })}.${MARKER}`,
    reason: 'token_invalid: alg',
    advice: /choose RS256 as the signing algorithm of this API in Auth0/,
  },
  'Auth0, for another API': {
    of: 'auth0',
    claims: { aud: `https://${MARKER}.example` },
    reason: 'token_audience',
    advice: /let the client send audience, the identifier of this API/,
  },
  'Auth0, unbound': {
    of: 'auth0',
    claims: unbound,
    reason: 'token_unbound',
    advice: /proof_of_possession with the mechanism "dpop"/,
  },
  'Auth0, an ID token': {
    of: 'auth0',
    claims: idToken(MARKER),
    reason: 'token_audience',
    advice: /the client sent an ID token/,
  },
  "Okta, of the organization's server": {
    of: 'okta',
    claims: { iss: 'https://example.okta.com', aud: 'https://example.okta.com' },
    header: { typ: 'application/okta-internal-at+jwt' },
    reason: 'token_issuer',
    advice: /the authorization server of the Okta organization issued it, .*: let the client use the custom/,
  },
  "Okta, of the organization's server, by its issuer": {
    of: 'okta',
    claims: { iss: 'https://example.okta.com' },
    reason: 'token_issuer',
    advice: /the authorization server of the Okta organization issued it/,
  },
  'Okta, with the type of internal tokens': {
    of: 'okta',
    header: { typ: 'okta-internal-at+jwt' },
    reason: 'token_type',
    advice: /the authorization server of the Okta organization issued it/,
  },
  'Okta, another custom server': {
    of: 'okta',
    claims: { iss: `https://example.okta.com/oauth2/${MARKER}` },
    reason: 'token_issuer',
    advice: /another authorization server of this Okta organization issued it/,
  },
  'Okta, another organization': {
    of: 'okta',
    claims: { iss: 'https://example.okta.com.example/oauth2/default' },
    reason: 'token_issuer',
    advice: undefined,
  },
  'Okta, for another audience': {
    of: 'okta',
    claims: { aud: `api://${MARKER}` },
    reason: 'token_audience',
    advice: /the authorization server in Okta has one audience for all its tokens/,
  },
  'Okta, unbound': {
    of: 'okta',
    claims: unbound,
    reason: 'token_unbound',
    advice: /switch on "Require Demonstrating Proof of Possession \(DPoP\) header in token requests"/,
  },
  'Okta, an ID token': {
    of: 'okta',
    claims: idToken(MARKER),
    reason: 'token_audience',
    advice: /the client sent an ID token/,
  },
  'Entra, a v1 token against v2 settings': {
    of: 'entra',
    claims: { iss: V1, aud: 'api://accounts', ver: '1.0' },
    reason: 'token_issuer',
    advice: /the token has version 1: set requestedAccessTokenVersion to 2 in the manifest of the API/,
  },
  'Entra, a v2 token against v1 settings': {
    of: 'entraV1',
    claims: { iss: V2, ver: '2.0' },
    reason: 'token_issuer',
    advice: /the token has version 2: give entra\(\) version: 2/,
  },
  'Entra, another tenant': {
    of: 'entra',
    claims: { iss: `https://login.microsoftonline.com/${OTHER_TENANT}/v2.0` },
    reason: 'token_issuer',
    advice: /another tenant of Entra ID issued it/,
  },
  'Entra, for Graph': {
    of: 'entra',
    claims: { iss: V1, aud: GRAPH },
    header: { nonce: MARKER },
    reason: 'token_issuer',
    advice: /the token is for Microsoft Graph, which alone can verify it/,
  },
  'Entra, for Graph by its URL': {
    of: 'entraV1',
    claims: { aud: 'https://graph.microsoft.com/' },
    reason: 'token_audience',
    advice: /the token is for Microsoft Graph/,
  },
  'Entra, a signed HTTP request': {
    of: 'entra',
    claims: { iss: undefined, at: MARKER, u: 'api.example.com', m: 'GET' },
    header: { typ: 'pop' },
    reason: 'token_invalid: iss',
    advice: /a signed HTTP request of Microsoft \(PoP\), which does not follow RFC 9449/,
  },
  'Entra, for another API': {
    of: 'entra',
    claims: { aud: OTHER_TENANT },
    reason: 'token_audience',
    advice: /let the client ask Entra ID for a scope of this API/,
  },
  'Entra, unbound': {
    of: 'entra',
    claims: unbound,
    reason: 'token_unbound',
    advice: /Microsoft documents no way to have Entra ID issue DPoP-bound tokens/,
  },
  'Entra, an ID token': {
    of: 'entra',
    claims: idToken(OTHER_TENANT),
    reason: 'token_audience',
    advice: /the client sent an ID token/,
  },
  'RFC 9068, the header type JWT': {
    of: 'rfc9068',
    header: { typ: 'JWT' },
    reason: 'token_type',
    advice: /the issuer does not follow RFC 9068/,
  },
  'RFC 9068, unbound': {
    of: 'rfc9068',
    claims: unbound,
    reason: 'token_unbound',
    advice: /register the client with dpop_bound_access_tokens: true/,
  },
  'RFC 9068, an ID token': {
    of: 'rfc9068',
    claims: idToken(MARKER),
    header: { typ: 'JWT' },
    reason: 'token_type',
    advice: /the client sent an ID token/,
  },
  'expired, about which there is nothing to say': {
    of: 'okta',
    claims: { exp: 1 },
    reason: 'token_expired',
    advice: undefined,
  },
};

describe.each(PLATFORMS)('a refusal says what to change at the provider, on %s (D9)', (platform) => {
  const start = (accessToken: DpopModuleOptions['accessToken']) =>
    startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot({ origin: ORIGIN, accessToken, clock: clock.read }) }),
      { logger },
    );

  const optionsOf = (name: ProviderName) => ({
    ...providerOf(name).options,
    keys: issuers.get(name)?.keys ?? { keys: [] },
  });

  async function tokenOf({ of, claims, header, token }: Case): Promise<string> {
    if (token !== undefined) return token;
    const provider = providerOf(of);
    return (
      (await issuers.get(of)?.issueToken({
        client,
        claims: { ...provider.claims, sub: MARKER, ...claims },
        header: { ...provider.header, ...header },
      })) ?? ''
    );
  }

  const refusals = (): readonly string[] => logger.lines.filter((line) => line.startsWith('warn refused'));

  test.each(Object.entries(CASES))('%s', async (_what, refusal) => {
    const { of, reason, advice } = refusal;
    const app = await start(optionsOf(of));
    const runs = GuardedController.runs;
    expect(await call(app, client, { token: await tokenOf({ of, reason, advice }) })).toMatchObject({
      status: 200,
    });
    const answer = await call(app, client, { token: await tokenOf(refusal) });
    expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(GuardedController.runs).toBe(runs + 1);
    expect(refusals()).toHaveLength(1);
    const [line = ''] = refusals();
    expect(line).toContain(`invalid_token (${reason})`);
    const standard = line.split('; ').length;
    if (advice === undefined) expect(standard).toBeLessThanOrEqual(3);
    else expect(line).toMatch(advice);
    // The client reads the fixed sentence, and neither of them anything of the token.
    const told = JSON.stringify([answer.body, answer.challenge]);
    if (advice !== undefined) expect(told).not.toMatch(advice);
    expect(`${told}${logger.text}`).not.toContain(MARKER);
  });

  test('the issuer that a token names is asked, and no other one', async () => {
    const plain = await TestIssuer.create({ clock: clock.read });
    const app = await start([optionsOf('okta'), plain.accessToken, optionsOf('keycloak')]);
    await call(app, client, { token: await plain.issueToken() });
    await call(app, client, {
      token: await tokenOf({ of: 'keycloak', claims: unbound, reason: '', advice: undefined }),
    });
    expect(refusals()).toEqual([
      expect.stringMatching(/\(token_unbound\)[^;]*; [^;]*$/),
      expect.stringContaining('"Require DPoP bound tokens"'),
    ]);
  });

  test('a token that names no listed issuer is explained by the one that knows its kind', async () => {
    const app = await start([
      optionsOf('keycloak'),
      optionsOf('okta'),
      optionsOf('auth0'),
      optionsOf('entra'),
    ]);
    await call(app, client, { token: MARKER });
    const org = { iss: 'https://example.okta.com' };
    await call(app, client, {
      token: await tokenOf({ of: 'okta', claims: org, reason: '', advice: undefined }),
    });
    expect(refusals()).toEqual([
      expect.stringContaining('Auth0 issues an opaque or encrypted token'),
      expect.stringContaining('the authorization server of the Okta organization'),
    ]);
  });

  test('the verifier of the app speaks first about tokens of its own', async () => {
    class OpaqueVerifier extends AccessTokenVerifier {
      override verify(): AccessTokenClaims {
        throw new DpopError('token_invalid');
      }

      override advise(token: string): string | undefined {
        return token.length > MARKER.length ? undefined : 'the table of tokens lacks it';
      }
    }
    const app = await start([optionsOf('auth0'), new OpaqueVerifier()]);
    await call(app, client, { token: MARKER });
    await call(app, client, { token: `${MARKER}${MARKER}` });
    expect(refusals()).toEqual([
      expect.stringMatching(/; the table of tokens lacks it DpopGuard$/),
      expect.stringContaining('Auth0 issues an opaque or encrypted token'),
    ]);
  });
});
