import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import express, { type NextFunction, type Request, type Response } from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { exportJWK, generateKeyPair } from 'jose';
import { AUDIENCE, ISSUER } from '../hostile/baseline.js';
import { issuers, keySetOf } from '../hostile/keys.js';

/** A server of another kind, on loopback. */
export interface Peer {
  readonly port: number;
  readonly url: string;
  close(): Promise<void>;
}

export const CLIENT = { id: 'cli-client', secret: 'a secret of the client' } as const;

/** A resource server with the middleware of Auth0, for the tokens of hostile rows. */
export async function startExpressPeer(): Promise<Peer> {
  const app = express();
  app.use(
    auth({
      issuer: ISSUER,
      audience: AUDIENCE,
      publicKey: keySetOf(issuers.main),
      dpop: { enabled: true, required: true },
    }),
  );
  app.get('/accounts', (_request, response) => response.json({ ran: true }));
  app.use(
    (
      error: { status?: number; headers?: Record<string, string> },
      _request: Request,
      response: Response,
      _next: NextFunction,
    ) => {
      response
        .status(error.status ?? 500)
        .set(error.headers ?? {})
        .end();
    },
  );
  return await listen(() => app);
}

export interface Provider extends Peer {
  /** An opaque token for the userinfo endpoint, bound to a key. */
  issueOpaque(jkt: string): Promise<string>;
}

/** oidc-provider: its token endpoint, and its userinfo endpoint as a resource server. */
export async function startProvider(resource: string): Promise<Provider> {
  const signing = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(signing.privateKey)), alg: 'ES256', use: 'sig', kid: 'sig' };
  // It warns of Node 20, of its in-memory adapter and of its defaults, until it is closed.
  const silenced = (['warn', 'info'] as const).map((level) =>
    jest.spyOn(console, level).mockImplementation(() => undefined),
  );
  // Under jest it returns objects of another realm, which the provider does not take for plain ones.
  const cloning = jest
    .spyOn(globalThis, 'structuredClone')
    .mockImplementation((value: unknown) => JSON.parse(JSON.stringify(value)) as unknown);
  const { Provider: OidcProvider } = await import('oidc-provider');
  let models: Models | undefined;
  const peer = await listen((issuer) => {
    const provider = new OidcProvider(issuer, configure(key, resource));
    models = provider as unknown as Models;
    return provider.callback();
  });
  cloning.mockRestore();
  const close = async () => {
    for (const spy of silenced) spy.mockRestore();
    await peer.close();
  };
  return { ...peer, close, issueOpaque: (jkt) => issueOpaque(models as Models, jkt) };
}

/** The models of oidc-provider that the test uses. */
interface Models {
  readonly Client: { find(id: string): Promise<unknown> };
  readonly Grant: new (properties: object) => { addOIDCScope(scope: string): void; save(): Promise<string> };
  readonly AccessToken: new (properties: object) => {
    setThumbprint(kind: 'jkt', value: string): void;
    save(): Promise<string>;
  };
}

async function issueOpaque({ Client, Grant, AccessToken }: Models, jkt: string): Promise<string> {
  const client = await Client.find(CLIENT.id);
  const grant = new Grant({ accountId: 'ada', clientId: CLIENT.id });
  grant.addOIDCScope('openid');
  const token = new AccessToken({
    accountId: 'ada',
    client,
    grantId: await grant.save(),
    scope: 'openid',
    gty: 'authorization_code',
  });
  token.setThumbprint('jkt', jkt);
  return await token.save();
}

function configure(key: object, resource: string): object {
  return {
    jwks: { keys: [key] },
    scopes: ['openid', 'accounts:read'],
    findAccount: (_context: unknown, sub: string) => ({ accountId: sub, claims: () => ({ sub }) }),
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'openid accounts:read',
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: true },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          audience: resource,
          scope: 'accounts:read',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

/** Its `Date` is that of the test. */
async function listen(create: (url: string) => RequestListener): Promise<Peer> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const answer = create(url);
  server.on('request', (request, response) => {
    response.setHeader('date', new Date().toUTCString());
    answer(request, response);
  });
  return {
    port,
    url,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
