import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { All, Body, Controller, HttpCode, Req, type Type, UseGuards } from '@nestjs/common';
import * as dpop from 'dpop';
import { exportJWK, generateKeyPair } from 'jose';
import { Dpop, DpopBound, DpopGuard, type DpopModuleOptions } from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { type RecordingApp, startRecordingApp } from './support/recording-app.js';

interface CallOptions {
  readonly token: string;
  readonly url: URL;
  readonly method?: string;
  readonly body?: string;
}

/** A client library with a key, used as its documentation says. */
interface ForeignClient {
  readonly jkt: string;
  call(options: CallOptions): Promise<Response>;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const NONCE_SECONDS = 5;

// Deprecated so that they stand out; here all is plain http on loopback. No wrapper: openid-client looks for its own
// function.
// oxlint-disable-next-line typescript/no-deprecated
const allowPlainHttp: (config: openid.Configuration) => void = openid.allowInsecureRequests;
// oxlint-disable-next-line typescript/no-deprecated
const insecure = { [oauth.allowInsecureRequests]: true };

const remapEd25519: openid.ModifyAssertionOptions = {
  [openid.modifyAssertion]: (header) => {
    if (header['alg'] === 'Ed25519') header['alg'] = 'EdDSA';
  },
};

/** Answers nonces itself. */
async function createOpenidClient(algorithm: string): Promise<ForeignClient> {
  const config = new openid.Configuration({ issuer: 'https://issuer.test' }, 'client');
  allowPlainHttp(config);
  const remapped = algorithm === 'EdDSA';
  const keyPair = await openid.randomDPoPKeyPair(remapped ? 'Ed25519' : algorithm);
  const DPoP = openid.getDPoPHandle(config, keyPair, remapped ? remapEd25519 : undefined);
  return {
    jkt: await DPoP.calculateThumbprint(),
    call: ({ token, url, method = 'GET', body }) =>
      openid.fetchProtectedResource(config, token, url, method, body, new Headers(JSON_TYPE), { DPoP }),
  };
}

/** Learns nonces itself and leaves it to the caller to send the request again. */
async function createOauth4webapiClient(algorithm: string): Promise<ForeignClient> {
  const remapped = algorithm === 'EdDSA';
  const keyPair = await oauth.generateKeyPair(remapped ? 'Ed25519' : algorithm);
  const DPoP = oauth.DPoP({}, keyPair, remapped ? remapEd25519 : undefined);
  const options = { DPoP, ...insecure };
  return {
    jkt: await DPoP.calculateThumbprint(),
    call: ({ token, url, method = 'GET', body }) => {
      const send = () =>
        oauth.protectedResourceRequest(token, method, url, new Headers(JSON_TYPE), body ?? null, options);
      return send().catch((error: unknown) => {
        if (oauth.isDPoPNonceError(error)) return send();
        throw error;
      });
    },
  };
}

/** Makes proofs and nothing else. */
async function createDpopClient(algorithm: string): Promise<ForeignClient> {
  const keyPair = await dpop.generateKeyPair(algorithm as dpop.JWSAlgorithm);
  const nonces = new Map<string, string>();
  return {
    jkt: await dpop.calculateThumbprint(keyPair.publicKey),
    call: async ({ token, url, method = 'GET', body }) => {
      const { origin, pathname } = url;
      const send = async () => {
        const proof = await dpop.generateProof(keyPair, origin + pathname, method, nonces.get(origin), token);
        const headers = { ...JSON_TYPE, authorization: `DPoP ${token}`, dpop: proof };
        const response = await fetch(url, { method, headers, ...(body !== undefined && { body }) });
        const nonce = response.headers.get('dpop-nonce');
        if (nonce !== null) nonces.set(origin, nonce);
        return response;
      };
      const response = await send();
      const challenge = response.headers.get('www-authenticate');
      if (response.status !== 401 || challenge?.includes('use_dpop_nonce') !== true) return response;
      await response.body?.cancel();
      return await send();
    },
  };
}

const LIBRARIES = [
  {
    library: 'openid-client',
    create: createOpenidClient,
    algorithms: ['ES256', 'PS256', 'RS256', 'Ed25519', 'EdDSA'],
  },
  {
    library: 'oauth4webapi',
    create: createOauth4webapiClient,
    algorithms: ['ES256', 'ES384', 'ES512', 'PS256', 'RS256', 'Ed25519', 'EdDSA'],
  },
  { library: 'dpop', create: createDpopClient, algorithms: ['ES256', 'PS256', 'RS256', 'Ed25519'] },
];

/** Whatever path and method, tells what it was called with; on `/nonce` only with a nonce. */
function createEchoController(platform: Platform): Type {
  @UseGuards(DpopGuard)
  @Controller()
  class EchoController {
    @Dpop({ nonce: 'required' })
    @HttpCode(200)
    @All('nonce')
    echoWithNonce(@Req() request: { url: string }, @DpopBound() jkt: string, @Body() body: unknown) {
      return { url: request.url, jkt, body };
    }

    @HttpCode(200)
    @All(platform === 'fastify' ? '*' : '*path')
    echo(@Req() request: { url: string }, @DpopBound() jkt: string, @Body() body: unknown) {
      return { url: request.url, jkt, body };
    }
  }
  return EchoController;
}

/** Each process of a client keeps its key for long, and so do we: RSA keys take time to make. */
const clients = new Map<string, Promise<ForeignClient>>();

function clientOf(
  { library, create }: (typeof LIBRARIES)[number],
  algorithm: string,
): Promise<ForeignClient> {
  const name = `${library} ${algorithm}`;
  const client = clients.get(name) ?? create(algorithm);
  clients.set(name, client);
  return client;
}

describe.each(PLATFORMS)('on %s', (platform) => {
  let issuer: TestIssuer;
  let app: RecordingApp;
  let nowMs: number;
  let requests: number;

  beforeAll(async () => {
    nowMs = Date.now();
    issuer = await TestIssuer.create({ clock: () => nowMs });
    const options: DpopModuleOptions = {
      origin: () => app.url,
      accessToken: issuer.accessToken,
      nonce: { mode: 'off', lifetimeSeconds: NONCE_SECONDS },
      clock: () => nowMs,
    };
    app = await startRecordingApp(platform, { dpop: options, controllers: [createEchoController(platform)] });
    const server = app.nest.getHttpServer() as Server;
    server.on('request', () => (requests += 1));
  });

  afterAll(() => app.close());

  beforeEach(() => {
    // The clients have no clock to be set. Ours stands still, so that a window of nonces moves only when we move it.
    nowMs = Date.now();
    requests = 0;
  });

  describe.each(LIBRARIES)('$library', (entry) => {
    describe.each(entry.algorithms)('with a key for %s', (algorithm) => {
      let client: ForeignClient;
      let token: string;

      beforeAll(async () => {
        client = await clientOf(entry, algorithm);
        token = await issuer.issueToken({ jkt: client.jkt });
      });

      test('is let through, with a query that is not part of htu (C9)', async () => {
        const response = await client.call({ token, url: new URL('/echo?a=1&b=%2F', app.url) });
        expect(response.status).toBe(200);
        expect(await response.json()).toMatchObject({ url: '/echo?a=1&b=%2F', jkt: client.jkt });
        expect(requests).toBe(1);
      });

      test('is let through with a POST and its body (C8)', async () => {
        const body = JSON.stringify({ amount: 1 });
        const url = new URL('/echo/transfers', app.url);
        const response = await client.call({ token, url, method: 'POST', body });
        expect(response.status).toBe(200);
        expect(await response.json()).toMatchObject({ jkt: client.jkt, body: { amount: 1 } });
      });
    });

    describe('with ES256', () => {
      let client: ForeignClient;
      let token: string;

      beforeAll(async () => {
        client = await clientOf(entry, 'ES256');
        token = await issuer.issueToken({ jkt: client.jkt });
      });

      test.each([
        '/echo/a%20b/%C3%A9',
        '/echo/é ü/✓',
        '/echo/%7Euser/%2e%2E/x',
        '/echo/a%2Fb%2fc',
        "/echo/a;b=c,d@e:f!$&'()*+",
        '/echo/a/../b/./c/',
        '/echo//a///b',
        '/echo/%25/100%25?q=%',
      ])('is let through on the path %s (C9)', async (path) => {
        const response = await client.call({ token, url: new URL(path, app.url) });
        expect(response.status).toBe(200);
        expect(requests).toBe(1);
      });

      test.each(['PUT', 'PATCH', 'DELETE', 'HEAD'])('is let through with %s (C8)', async (method) => {
        const body = method === 'HEAD' ? {} : { body: '{}' };
        const response = await client.call({ token, url: new URL('/echo', app.url), method, ...body });
        expect(response.status).toBe(200);
      });

      test('answers a demand for a nonce, and keeps up with its windows (E2, E4)', async () => {
        // Another key, which has seen no nonce yet.
        const fresh = await entry.create('ES256');
        const boundToken = await issuer.issueToken({ jkt: fresh.jkt });
        const callsFor = async (path: string, body?: string) => {
          requests = 0;
          const url = new URL(path, app.url);
          const method = body === undefined ? 'GET' : 'POST';
          const sent = { token: boundToken, url, method, ...(body !== undefined && { body }) };
          const response = await fresh.call(sent);
          expect(response.status).toBe(200);
          return { requests, renewed: response.headers.has('dpop-nonce') };
        };
        expect(await callsFor('/nonce', '{"a":1}')).toEqual({ requests: 2, renewed: false });
        expect(await callsFor('/nonce?a=1')).toEqual({ requests: 1, renewed: false });
        // The nonce of the window before is still good, and a new one rides on the answer.
        nowMs += NONCE_SECONDS * 1000;
        expect(await callsFor('/nonce?a%20b')).toEqual({ requests: 1, renewed: true });
        nowMs += NONCE_SECONDS * 1000;
        expect(await callsFor('/nonce')).toEqual({ requests: 1, renewed: true });
        // A client that slept for longer is told once, also where nonces are not asked for.
        nowMs += 2 * NONCE_SECONDS * 1000;
        expect(await callsFor('/echo', '{"a":1}')).toEqual({ requests: 2, renewed: false });
      });

      test('is refused with the token of another key (B3)', async () => {
        const stolen = await issuer.issueToken({ jkt: (await clientOf(entry, 'Ed25519')).jkt });
        const outcome = await client
          .call({ token: stolen, url: new URL('/echo', app.url) })
          .catch((error: unknown) => (error as { response: Response }).response);
        expect(outcome.status).toBe(401);
        expect(outcome.headers.get('www-authenticate')).toContain('error="invalid_token"');
      });

      test('understands the challenge of a refusal (D3)', async () => {
        const expired = await issuer.issueToken({ jkt: client.jkt, expiresInSeconds: -60 });
        const outcome = await client
          .call({ token: expired, url: new URL('/echo', app.url) })
          .catch((error: unknown) => error);
        if (outcome instanceof Response) expect(outcome.status).toBe(401);
        else {
          expect(outcome).toMatchObject({
            status: 401,
            cause: [{ scheme: 'dpop', parameters: { error: 'invalid_token', algs: expect.any(String) } }],
          });
        }
      });
    });
  });
});

/** A real authorization server, and a client that knows nothing but its address. */
describe('oidc-provider and openid-client', () => {
  const audience = 'https://api.example.com';
  let server: Server;
  let issuer: string;
  const apps: RecordingApp[] = [];

  beforeAll(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const signingKey = { ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig' };
    // It warns of Node 20 and of its in-memory adapter.
    const silenced = (['warn', 'info'] as const).map((level) =>
      jest.spyOn(console, level).mockImplementation(() => undefined),
    );
    const { Provider } = await import('oidc-provider');
    const provider = new Provider(issuer, configureProvider(signingKey));
    for (const spy of silenced) spy.mockRestore();
    server.on('request', provider.callback());
  });

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function configureProvider(signingKey: object) {
    const dPoP = { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true };
    return {
      jwks: { keys: [signingKey] },
      scopes: ['accounts:read'],
      ttl: { ClientCredentials: 60 },
      clients: [
        {
          client_id: 'client',
          client_secret: 'secret',
          grant_types: ['client_credentials'],
          redirect_uris: [],
          response_types: [],
          dpop_bound_access_tokens: true,
        },
      ],
      clientDefaults: { id_token_signed_response_alg: 'ES256' },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        dPoP,
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: () => ({
            audience,
            scope: 'accounts:read',
            accessTokenFormat: 'jwt' as const,
            accessTokenTTL: 60,
            jwt: { sign: { alg: 'ES256' } },
          }),
        },
      },
    };
  }

  test.each(PLATFORMS)(
    'a bound token is obtained and used, nonces of both included, on %s (B1, E2)',
    async (platform) => {
      let url = '';
      const app = await startRecordingApp(platform, {
        dpop: { origin: () => url, accessToken: { issuer, audience } },
        controllers: [createEchoController(platform)],
      });
      apps.push(app);
      url = app.url;

      const config = await openid.discovery(new URL(issuer), 'client', 'secret', undefined, {
        execute: [allowPlainHttp],
      });
      expect(config.serverMetadata().dpop_signing_alg_values_supported).toContain('ES256');
      const keyPair = await openid.randomDPoPKeyPair('ES256');
      const DPoP = openid.getDPoPHandle(config, keyPair);
      const grant = { resource: audience, scope: 'accounts:read' };
      const { access_token: token, token_type: type } = await openid.clientCredentialsGrant(config, grant, {
        DPoP,
      });
      expect(type).toBe('dpop');

      const jkt = await DPoP.calculateThumbprint();
      const call = (handle: openid.DPoPHandle, path: string) =>
        openid.fetchProtectedResource(config, token, new URL(path, url), 'GET', null, undefined, {
          DPoP: handle,
        });
      for (const path of ['/echo?a=1', '/nonce?a%20b', '/nonce']) {
        const response = await call(DPoP, path);
        expect(response.status).toBe(200);
        expect(await response.json()).toMatchObject({ jkt });
      }

      const thief = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
      await expect(call(thief, '/echo')).rejects.toMatchObject({ status: 401 });
    },
  );
});
