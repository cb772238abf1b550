import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { exportJWK, exportPKCS8, generateKeyPair, type JWK } from 'jose';
import { introspection, type IntrospectionOptions } from 'nestjs-dpop/introspection';
import * as openid from 'openid-client';
import { HandClock } from './support/hand-clock.js';
import { PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';

const AUDIENCE = 'https://api.example.com';
const SECRET = 'the secret of the api';

// Deprecated so that it stands out; here all is plain http on loopback. No wrapper: openid-client looks for its own
// function.
// oxlint-disable-next-line typescript/no-deprecated
const allowPlainHttp: (config: openid.Configuration) => void = openid.allowInsecureRequests;

/** Opaque bound tokens of a real authorization server, and its real introspection endpoint (RFC 7662, RFC 9701). */
describe('introspection by oidc-provider (B7)', () => {
  let server: Server;
  let issuer: string;
  let assertionKey: JWK;
  let assertionPem: string;
  const asked: { readonly accept: string | undefined; readonly answered: string | undefined }[] = [];
  const apps: RecordingApp[] = [];

  beforeAll(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const signing = await generateKeyPair('ES256', { extractable: true });
    const assertion = await generateKeyPair('ES256', { extractable: true });
    assertionKey = { ...(await exportJWK(assertion.privateKey)), kid: 'assertion' };
    assertionPem = await exportPKCS8(assertion.privateKey);
    const publicKey = { ...(await exportJWK(assertion.publicKey)), kid: 'assertion', use: 'sig' };
    // It warns of Node 20 and of its in-memory adapter.
    const silenced = (['warn', 'info'] as const).map((level) =>
      jest.spyOn(console, level).mockImplementation(() => undefined),
    );
    // Under jest it returns objects of another realm, which the provider does not take for plain ones.
    const cloning = jest
      .spyOn(globalThis, 'structuredClone')
      .mockImplementation((value: unknown) => JSON.parse(JSON.stringify(value)) as unknown);
    const { Provider } = await import('oidc-provider');
    const signingKey = { ...(await exportJWK(signing.privateKey)), alg: 'ES256', use: 'sig', kid: 'sig' };
    const provider = new Provider(issuer, configureProvider(signingKey, publicKey));
    for (const spy of [...silenced, cloning]) spy.mockRestore();
    const answer = provider.callback();
    server.on('request', (request, response) => {
      if (request.url === '/token/introspection') {
        response.on('finish', () =>
          asked.push({
            accept: request.headers.accept,
            answered: String(response.getHeader('content-type')),
          }),
        );
      }
      answer(request, response);
    });
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    asked.length = 0;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function configureProvider(signingKey: object, publicKey: object) {
    const bare = { grant_types: [], redirect_uris: [], response_types: [] };
    const api = { ...bare, client_secret: SECRET };
    return {
      jwks: { keys: [signingKey] },
      scopes: ['accounts:read'],
      clients: [
        {
          ...bare,
          client_id: 'client',
          client_secret: 'secret',
          grant_types: ['client_credentials'],
          dpop_bound_access_tokens: true,
        },
        { ...api, client_id: 'basic', token_endpoint_auth_method: 'client_secret_basic' },
        { ...api, client_id: 'post', token_endpoint_auth_method: 'client_secret_post' },
        {
          ...bare,
          client_id: 'key',
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'ES256',
          jwks: { keys: [publicKey] },
        },
      ],
      clientDefaults: { id_token_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256' },
      clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
      enabledJWA: { introspectionSigningAlgValues: ['ES256'] },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        dPoP: { enabled: true },
        introspection: { enabled: true, allowedPolicy: () => true },
        jwtIntrospection: { enabled: true },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            audience: AUDIENCE,
            scope: 'accounts:read',
            accessTokenFormat: 'opaque' as const,
            accessTokenTTL: 60,
          }),
        },
      },
    };
  }

  type Settings = Partial<IntrospectionOptions> & Pick<IntrospectionOptions, 'client'>;

  async function start(platform: (typeof PLATFORMS)[number], settings: Settings): Promise<RecordingApp> {
    let url = '';
    const accessToken = introspection({ accessToken: { issuer, audience: AUDIENCE }, ...settings });
    const app = await startRecordingApp(platform, { dpop: { origin: () => url, accessToken } });
    apps.push(app);
    url = app.url;
    return app;
  }

  async function obtainToken() {
    const config = await openid.discovery(new URL(issuer), 'client', 'secret', undefined, {
      execute: [allowPlainHttp],
    });
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
    const grant = { resource: AUDIENCE, scope: 'accounts:read' };
    const { access_token: token } = await openid.clientCredentialsGrant(config, grant, { DPoP });
    expect(token).not.toContain('.');
    const call = async (app: RecordingApp, handle = DPoP): Promise<number> => {
      const url = new URL('/accounts', app.url);
      const options = { DPoP: handle };
      const answer = await openid
        .fetchProtectedResource(config, token, url, 'GET', null, new Headers(), options)
        .catch((error: unknown) => (error as { readonly response: Response }).response);
      return answer.status;
    };
    const thief = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
    return { config, token, DPoP, call, thief };
  }

  const ways: readonly (readonly [string, () => IntrospectionOptions['client']])[] = [
    ['client_secret_basic', () => ({ id: 'basic', secret: SECRET })],
    ['client_secret_post', () => ({ id: 'post', secret: SECRET, method: 'client_secret_post' })],
    ['private_key_jwt with a JWK', () => ({ id: 'key', privateKey: assertionKey })],
    ['private_key_jwt with PEM', () => ({ id: 'key', privateKey: assertionPem, kid: 'assertion' })],
  ];

  describe.each(PLATFORMS)('on %s', (platform) => {
    test.each(ways)(
      'an opaque bound token is used, by %s, and a stolen one is not',
      async (_name, client) => {
        const { call, thief, DPoP } = await obtainToken();
        const app = await start(platform, { client: client() });
        expect(await call(app)).toBe(200);
        expect(app.calls).toMatchObject([{ jkt: await DPoP.calculateThumbprint() }]);
        expect(await call(app, thief)).toBe(401);
        expect(app.calls).toHaveLength(1);
        expect(asked).toMatchObject([{ accept: 'application/json' }, { accept: 'application/json' }]);
      },
    );

    test.each(ways)('responses are signed, by %s', async (_name, client) => {
      const { call, thief } = await obtainToken();
      const app = await start(platform, { client: client(), signedResponses: true });
      expect(await call(app)).toBe(200);
      expect(await call(app, thief)).toBe(401);
      const type = 'application/token-introspection+jwt';
      expect(asked[0]).toEqual({ accept: type, answered: `${type}; charset=utf-8` });
    });

    test('a token that is revoked at the provider is refused when the cache ends', async () => {
      const { config, token, call } = await obtainToken();
      const clock = new HandClock(Date.now());
      const app = await start(platform, {
        client: { id: 'basic', secret: SECRET },
        cacheSeconds: 30,
        clock: clock.read,
      });
      expect(await call(app)).toBe(200);
      await openid.tokenRevocation(config, token);
      clock.advanceSeconds(29);
      expect(await call(app)).toBe(200);
      expect(asked).toHaveLength(1);
      clock.advanceSeconds(1);
      expect(await call(app)).toBe(401);
      expect(app.calls).toHaveLength(2);
    });

    test('a wrong secret is a failure of the service (B8)', async () => {
      const { call } = await obtainToken();
      const app = await start(platform, { client: { id: 'basic', secret: 'wrong' } });
      expect(await call(app)).toBe(503);
      expect(app.calls).toStrictEqual([]);
    });

    test('a token of another audience, and what is no token, are refused', async () => {
      const { call, config } = await obtainToken();
      const app = await start(platform, {
        client: { id: 'basic', secret: SECRET },
        accessToken: { issuer, audience: 'https://other.example.com' },
      });
      expect(await call(app)).toBe(401);
      const right = await start(platform, { client: { id: 'basic', secret: SECRET } });
      expect(await call(right)).toBe(200);
      const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
      const made = ['made-up', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.AAAA'].map((token) =>
        openid
          .fetchProtectedResource(config, token, new URL('/a', right.url), 'GET', null, undefined, { DPoP })
          .catch((error: unknown) => (error as { readonly response: Response }).response),
      );
      for (const answer of await Promise.all(made)) expect(answer.status).toBe(401);
      expect(right.calls).toHaveLength(1);
    });
  });
});
