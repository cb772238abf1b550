import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import {
  auth0,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopVerdict,
  entra,
  fapi2,
  type JwtAccessTokenOptions,
  keycloak,
  okta,
  rfc9068,
} from 'nestjs-dpop';
import { TestClient, TestIssuer, type TestTokenOptions } from 'nestjs-dpop/testing';
import {
  API,
  audienceOf,
  issuerOf,
  PROVIDER_NAMES,
  type ProviderName,
  providerOf,
  TENANT,
} from './profiles/provider-shapes.js';
import { type Answer, call } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { type RunningApp, startApp } from './support/running-app.js';

const clock = new HandClock();
const KID = 'key-1';

let client: TestClient;
/** One for each provider, with keys of their own. */
const issuers = new Map<ProviderName, TestIssuer>();
/** Signs for all providers where they have the same key. */
let signer: TestIssuer;

let runs = 0;

@UseGuards(DpopGuard)
@Controller()
class RightsController {
  @Get()
  read(
    @DpopBound('issuer') issuer: string,
    @DpopBound('scopes') scopes: readonly string[],
    @DpopBound('roles') roles: readonly string[],
    @DpopBound('clientRoles') clientRoles: DpopVerdict['clientRoles'],
    @DpopBound('permissions') permissions: readonly string[],
    @DpopBound('clientId') clientId: string,
  ) {
    runs += 1;
    return { issuer, scopes, roles, clientRoles, permissions, clientId };
  }
}

beforeAll(async () => {
  client = await TestClient.create({ clock: clock.read });
  signer = await issuerOf('keycloak', clock.read);
  for (const name of PROVIDER_NAMES) issuers.set(name, await issuerOf(name, clock.read));
});

function issuerNamed(name: ProviderName): TestIssuer {
  const issuer = issuers.get(name);
  if (issuer === undefined) throw new Error(`${name} has no issuer`);
  return issuer;
}

/** A token of exactly the shape of the provider, with these changes. */
async function tokenOf(
  name: ProviderName,
  changes: Pick<TestTokenOptions, 'claims' | 'header'> = {},
  by: TestIssuer = issuerNamed(name),
): Promise<string> {
  const { options, header, claims } = providerOf(name);
  return await by.issueToken({
    client,
    claims: { iss: options.issuer, aud: options.audience, ...claims, ...changes.claims },
    header: { kid: KID, ...header, ...changes.header },
  });
}

/** The line that an app has for a provider in this test: its profile, with local keys, all of which are named alike. */
function optionsOf(name: ProviderName, by: TestIssuer): JwtAccessTokenOptions {
  const [key] = by.keys.keys;
  return { ...providerOf(name).options, keys: { keys: key === undefined ? [] : [{ ...key, kid: KID }] } };
}

const PAIRS = PROVIDER_NAMES.flatMap((from) =>
  PROVIDER_NAMES.filter((to) => to !== from).map((to) => [from, to] as const),
);

describe.each(PLATFORMS)('all profiles in one service, on %s', (platform) => {
  const logger = new LogCollector();
  let ownKeys: RunningApp;
  let oneKey: RunningApp;

  const start = (keyOf: (name: ProviderName) => TestIssuer) =>
    startApp(
      platform,
      createRootModule({
        dpop: DpopModule.forRoot({
          origin: ORIGIN,
          accessToken: PROVIDER_NAMES.map((name) => optionsOf(name, keyOf(name))),
          clock: clock.read,
        }),
        controllers: [RightsController],
      }),
      { logger },
    );

  beforeAll(async () => {
    ownKeys = await start(issuerNamed);
    oneKey = await start(() => signer);
  });

  afterAll(async () => {
    await ownKeys.close();
    await oneKey.close();
  });

  async function outcomeOf(app: RunningApp, token: string): Promise<Answer & { readonly reason: string }> {
    const [before, lines] = [runs, logger.lines.length];
    // Each minute has its own budget of log lines.
    clock.advanceSeconds(60);
    const answer = await call(app, client, { token });
    const line = logger.lines.slice(lines).findLast((text) => text.startsWith('warn refused')) ?? '';
    if (answer.status !== 200) expect(runs).toBe(before);
    return { ...answer, reason: /\((\w+(?:: \w+)?)\)/.exec(line)?.[1] ?? '' };
  }

  const refused = (reason: string) => ({ status: 401, code: 'invalid_token', reason });

  test.each(PROVIDER_NAMES)('a token of %s passes, and its rights are in the verdict (B13)', async (name) => {
    const { options, rights } = providerOf(name);
    for (const [app, by] of [
      [ownKeys, issuerNamed(name)],
      [oneKey, signer],
    ] as const) {
      clock.advanceSeconds(60);
      const { status, body } = await call(app, client, { token: await tokenOf(name, {}, by) });
      expect({ status, body }).toEqual({ status: 200, body: { issuer: options.issuer, ...rights } });
    }
  });

  describe.each(PAIRS)('a token of %s never passes as one of %s (B6)', (from, to) => {
    const issuer = providerOf(to).options.issuer;
    const aud = audienceOf(to);

    test('signed by its own key', async () => {
      for (const claims of [
        { iss: issuer },
        { iss: issuer, aud },
        { ...providerOf(to).claims, iss: issuer, aud },
      ]) {
        const token = await tokenOf(from, { claims, header: providerOf(to).header });
        expect(await outcomeOf(ownKeys, token)).toMatchObject(refused('token_invalid: signature'));
      }
    });

    test('for its own audience, although both have the same key', async () => {
      const token = await tokenOf(from, { claims: { iss: issuer } }, signer);
      const { reason, ...answer } = await outcomeOf(oneKey, token);
      expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
      expect(['token_audience', 'token_type']).toContain(reason);
      const ofItsType = await tokenOf(
        from,
        { claims: { iss: issuer }, header: providerOf(to).header },
        signer,
      );
      expect(await outcomeOf(oneKey, ofItsType)).toMatchObject(refused('token_audience'));
    });

    test('for the other audience, although both have the same key', async () => {
      const token = await tokenOf(from, { claims: { aud } }, signer);
      expect(await outcomeOf(oneKey, token)).toMatchObject(refused('token_audience'));
    });
  });

  test('rights are read as the issuer writes them, whatever other claims a token has (B13)', async () => {
    const everything = Object.assign({}, ...PROVIDER_NAMES.map((name) => providerOf(name).claims), {
      azp: 'of azp',
      cid: 'of cid',
      appid: 'of appid',
      client_id: 'of client_id',
    }) as Record<string, unknown>;
    const clients: Readonly<Record<ProviderName, string>> = {
      keycloak: 'of azp',
      auth0: 'of azp',
      okta: 'of cid',
      entra: 'of azp',
      entraV1: 'of azp',
      rfc9068: 'of client_id',
    };
    for (const name of PROVIDER_NAMES) {
      clock.advanceSeconds(60);
      const claims = { ...everything, jti: undefined, aud: audienceOf(name) };
      const needed = name === 'rfc9068' ? { jti: 'jti', sub: 'ada' } : {};
      const token = await tokenOf(name, { claims: { ...claims, ...needed } });
      const { status, body } = await call(ownKeys, client, { token });
      expect({ name, status }).toEqual({ name, status: 200 });
      const ofKeycloak = providerOf('keycloak').rights;
      expect(body).toMatchObject({
        clientId: clients[name],
        roles: name === 'keycloak' ? ofKeycloak.roles : ['teller'],
        clientRoles: name === 'keycloak' ? ofKeycloak.clientRoles : {},
      });
    }
  });

  test.each(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'])(
    'rfc9068 refuses a token without %s (B1)',
    async (claim) => {
      expect((await outcomeOf(ownKeys, await tokenOf('rfc9068'))).status).toBe(200);
      const token = await tokenOf('rfc9068', { claims: { [claim]: undefined } });
      const reason = claim === 'aud' ? 'token_audience' : `token_invalid: ${claim}`;
      expect(await outcomeOf(ownKeys, token)).toMatchObject(refused(reason));
    },
  );
});

describe('options of profiles are plain data (I1)', () => {
  test.each(PROVIDER_NAMES)('two equal registrations of %s are one module', (name) => {
    const again: Readonly<Record<ProviderName, () => JwtAccessTokenOptions>> = {
      keycloak: () => keycloak({ url: 'https://sso.example.com', realm: 'main', audience: 'accounts-api' }),
      auth0: () => auth0({ domain: 'example.eu.auth0.com', audience: 'https://accounts.example.com' }),
      okta: () =>
        okta({ domain: 'example.okta.com', authorizationServerId: 'default', audience: 'api://default' }),
      entra: () => entra({ tenantId: TENANT, audience: API }),
      entraV1: () => entra({ tenantId: TENANT, audience: 'api://accounts', version: 1 }),
      rfc9068: () => rfc9068({ issuer: 'https://auth.example.com', audience: 'https://api.example.com' }),
    };
    const register = (accessToken: JwtAccessTokenOptions) =>
      DpopModule.forRoot({ origin: ORIGIN, accessToken });
    const module = register(again[name]());
    expect(register(providerOf(name).options)).toBe(module);
    expect(register({ ...again[name]() })).toBe(module);
    const narrowed = again[name === 'rfc9068' ? 'keycloak' : 'rfc9068'];
    const narrow = () => DpopModule.forRoot(fapi2({ origin: ORIGIN, accessToken: narrowed() }));
    expect(narrow()).toBe(narrow());
    expect(register({ ...again[name](), clockToleranceSeconds: 5 })).not.toBe(module);
  });

  test('and can be overridden: an internal address of the keys, over http', async () => {
    const keys = await TestIssuer.listen({ algorithm: 'RS256', clock: clock.read });
    const options = keycloak({ url: 'https://sso.example.com', realm: 'main', audience: 'accounts-api' });
    const accessToken = {
      ...options,
      jwksUri: 'http://keycloak.internal:8080/realms/main/protocol/openid-connect/certs',
      allowInsecureJwksUri: true,
      fetch: async (_url: URL | string, init?: RequestInit) => await fetch(`${keys.issuer}/jwks`, init),
    };
    const register = (changes: Partial<JwtAccessTokenOptions>) =>
      startApp(
        'express',
        createRootModule({
          dpop: DpopModule.forRoot({
            origin: ORIGIN,
            accessToken: { ...accessToken, ...changes },
            clock: clock.read,
          }),
          controllers: [RightsController],
        }),
      );
    await expect(register({ allowInsecureJwksUri: false })).rejects.toThrow(
      /^accessToken\.jwksUri must be .* set allowInsecureJwksUri: true for this issuer/,
    );
    const app = await register({});
    expect(
      await call(app, client, {
        token: await tokenOf('keycloak', { header: { kid: keys.keys.keys[0]?.kid } }, keys),
      }),
    ).toMatchObject({ status: 200 });
    await app.close();
    await keys.close();
  });

  test('keys stand in for the location of a profile, and nothing is fetched (B8)', async () => {
    const fetched: string[] = [];
    const accessToken = {
      ...optionsOf('okta', issuerNamed('okta')),
      fetch: (url: URL | string) => {
        fetched.push(String(url));
        throw new Error('not reachable');
      },
    };
    const app = await startApp(
      'express',
      createRootModule({ dpop: DpopModule.forRoot({ origin: ORIGIN, accessToken, clock: clock.read }) }),
    );
    expect(await call(app, client, { token: await tokenOf('okta') })).toMatchObject({ status: 200 });
    expect(fetched).toStrictEqual([]);
    await app.close();
  });
});
