import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as dpop from 'dpop';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import * as oauth from 'oauth4webapi';
import type * as oidc from 'oidc-client-ts';
import * as openid from 'openid-client';
import { PLATFORMS } from './support/platforms.js';
import { closeApps } from './support/running-app.js';
import { SmallAuthorizationServer } from './support/small-authorization-server.js';

const REDIRECT_URI = 'http://127.0.0.1/callback';

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly type: string;
}

/** A client library with a key, used as its documentation says. */
interface ForeignClient {
  readonly jkt: string;
  /** The URL to which the client sends the user. */
  beginLogin(): Promise<URL>;
  redeem(callback: URL): Promise<Tokens>;
  refresh(token: string): Promise<Tokens>;
}

// oxlint-disable-next-line typescript/no-deprecated -- marked as a warning; plain http is fine on loopback
const allowPlainHttp: (config: openid.Configuration) => void = openid.allowInsecureRequests;

async function createOpenidClient({ metadata }: SmallAuthorizationServer): Promise<ForeignClient> {
  const config = new openid.Configuration(metadata, 'client', undefined, openid.None());
  allowPlainHttp(config);
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'));
  const verifier = openid.randomPKCECodeVerifier();
  const toTokens = (response: openid.TokenEndpointResponse): Tokens => ({
    accessToken: response.access_token,
    refreshToken: response.refresh_token ?? '',
    type: response.token_type,
  });
  return {
    jkt: await DPoP.calculateThumbprint(),
    beginLogin: async () => {
      const challenge = await openid.calculatePKCECodeChallenge(verifier);
      const parameters = {
        redirect_uri: REDIRECT_URI,
        code_challenge: challenge,
        code_challenge_method: 'S256',
      };
      return await openid.buildAuthorizationUrlWithPAR(config, parameters, { DPoP });
    },
    redeem: async (callback) => {
      const checks = { pkceCodeVerifier: verifier };
      return toTokens(await openid.authorizationCodeGrant(config, callback, checks, undefined, { DPoP }));
    },
    refresh: async (token) => toTokens(await openid.refreshTokenGrant(config, token, undefined, { DPoP })),
  };
}

async function createOauth4webapiClient({ metadata }: SmallAuthorizationServer): Promise<ForeignClient> {
  const client: oauth.Client = { client_id: 'client' };
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
  // oxlint-disable-next-line typescript/no-deprecated -- marked as a warning; plain http is fine on loopback
  const options = { DPoP, [oauth.allowInsecureRequests]: true };
  const authentication = oauth.None();
  const verifier = oauth.generateRandomCodeVerifier();
  /** The library leaves the repetition to its caller. */
  const withNonce = async <T>(send: () => Promise<T>): Promise<T> => {
    try {
      return await send();
    } catch (error) {
      if (oauth.isDPoPNonceError(error)) return await send();
      throw error;
    }
  };
  const toTokens = (response: oauth.TokenEndpointResponse): Tokens => ({
    accessToken: response.access_token,
    refreshToken: response.refresh_token ?? '',
    type: response.token_type,
  });
  return {
    jkt: await DPoP.calculateThumbprint(),
    beginLogin: async () => {
      const parameters = {
        response_type: 'code',
        redirect_uri: REDIRECT_URI,
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      };
      const { request_uri } = await withNonce(async () => {
        const response = await oauth.pushedAuthorizationRequest(
          metadata,
          client,
          authentication,
          parameters,
          options,
        );
        return await oauth.processPushedAuthorizationResponse(metadata, client, response);
      });
      const url = new URL(metadata.authorization_endpoint);
      url.searchParams.set('request_uri', request_uri);
      return url;
    },
    redeem: async (callback) => {
      const validated = oauth.validateAuthResponse(metadata, client, callback, oauth.expectNoState);
      return await withNonce(async () => {
        const response = await oauth.authorizationCodeGrantRequest(
          metadata,
          client,
          authentication,
          validated,
          REDIRECT_URI,
          verifier,
          options,
        );
        return toTokens(await oauth.processAuthorizationCodeResponse(metadata, client, response));
      });
    },
    refresh: async (token) =>
      await withNonce(async () => {
        const response = await oauth.refreshTokenGrantRequest(
          metadata,
          client,
          authentication,
          token,
          options,
        );
        return toTokens(await oauth.processRefreshTokenResponse(metadata, client, response));
      }),
  };
}

/** Makes proofs and nothing else: the rest is `fetch`, and `dpop_jkt` in the URL. */
async function createDpopClient({ metadata }: SmallAuthorizationServer): Promise<ForeignClient> {
  const keyPair = await dpop.generateKeyPair('ES256');
  const jkt = await dpop.calculateThumbprint(keyPair.publicKey);
  let nonce: string | undefined;
  const send = async (form: Record<string, string>, mayRetry = true): Promise<Tokens> => {
    const url = metadata.token_endpoint;
    const proof = await dpop.generateProof(keyPair, url, 'POST', nonce);
    const body = new URLSearchParams({ client_id: 'client', ...form });
    const response = await fetch(url, { method: 'POST', headers: { dpop: proof }, body });
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    const answer = (await response.json()) as Record<string, string>;
    if (mayRetry && answer['error'] === 'use_dpop_nonce') return await send(form, false);
    if (!response.ok) throw Object.assign(new Error(answer['error_description']), { error: answer['error'] });
    const { access_token = '', refresh_token = '', token_type = '' } = answer;
    return { accessToken: access_token, refreshToken: refresh_token, type: token_type };
  };
  return {
    jkt,
    beginLogin: () => {
      const parameters = new URLSearchParams({ client_id: 'client', response_type: 'code', dpop_jkt: jkt });
      return Promise.resolve(new URL(`${metadata.authorization_endpoint}?${parameters.toString()}`));
    },
    redeem: (callback) =>
      send({ grant_type: 'authorization_code', code: callback.searchParams.get('code') ?? '' }),
    refresh: (token) => send({ grant_type: 'refresh_token', refresh_token: token }),
  };
}

/** For browsers, but for the storage of keys all that it uses is in Node too. */
async function createOidcClient({ metadata }: SmallAuthorizationServer): Promise<ForeignClient> {
  const { InMemoryWebStorage, OidcClient, WebStorageStateStore } = await import('oidc-client-ts');
  const states = new Map<string, oidc.DPoPState>();
  const store: NonNullable<NonNullable<oidc.OidcClientSettings['dpop']>['store']> = {
    set: async (key, value) => void states.set(key, value),
    get: async (key) => states.get(key) as oidc.DPoPState,
    remove: async (key) => {
      const state = states.get(key) as oidc.DPoPState;
      states.delete(key);
      return state;
    },
    getAllKeys: async () => [...states.keys()],
  };
  const client = new OidcClient({
    authority: metadata.issuer,
    metadata,
    client_id: 'client',
    redirect_uri: REDIRECT_URI,
    scope: 'accounts:read',
    stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    dpop: { bind_authorization_code: true, store },
  });
  // `UserManager`, which needs a browser, does the same before it redirects.
  await client.getDpopProof(store);
  const { keys } = await store.get('client');
  const jkt = await calculateJwkThumbprint(await exportJWK(keys.publicKey));
  const toTokens = (response: oidc.SigninResponse): Tokens => ({
    accessToken: response.access_token,
    refreshToken: response.refresh_token ?? '',
    type: response.token_type,
  });
  return {
    jkt,
    beginLogin: async () => new URL((await client.createSigninRequest({ dpopJkt: jkt })).url),
    redeem: async (callback) => toTokens(await client.processSigninResponse(callback.href)),
    refresh: async (token) => {
      // A `RefreshState`, which the package does not export.
      const profile = { sub: 'user', iss: metadata.issuer, aud: 'client', exp: 0, iat: 0 };
      const state = { refresh_token: token, session_state: null, scope: 'accounts:read', profile };
      return toTokens(await client.useRefreshToken({ state }));
    },
  };
}

const LIBRARIES = [
  ['openid-client', createOpenidClient],
  ['oauth4webapi', createOauth4webapiClient],
  ['dpop', createDpopClient],
  ['oidc-client-ts', createOidcClient],
] as const;

describe.each(PLATFORMS)('clients as they are, with an authorization server on %s', (platform) => {
  let server: SmallAuthorizationServer;

  beforeAll(async () => {
    // oidc-client-ts asks `window` for `crypto`.
    Object.assign(globalThis, { window: globalThis });
    server = await SmallAuthorizationServer.start(platform);
  });

  afterAll(async () => {
    Reflect.deleteProperty(globalThis, 'window');
    await closeApps();
  });

  test.each(LIBRARIES)('%s: a login and a refresh, nonces included (G2, G4)', async (_library, create) => {
    const client = await create(server);
    const tokens = await client.redeem(server.authorize(await client.beginLogin()));
    expect(tokens.type.toLowerCase()).toBe('dpop');
    expect(server.issued.get(tokens.accessToken)).toBe(client.jkt);
    expect(server.grants.get(tokens.refreshToken)).toBe(client.jkt);
    const next = await client.refresh(tokens.refreshToken);
    expect(server.issued.get(next.accessToken)).toBe(client.jkt);
    expect(next.refreshToken).not.toBe(tokens.refreshToken);
  });

  test.each(LIBRARIES)('%s: the code is bound to the key (G4)', async (_library, create) => {
    const client = await create(server);
    const callback = server.authorize(await client.beginLogin());
    expect(server.grants.get(callback.searchParams.get('code') ?? '')).toBe(client.jkt);
  });

  test.each(LIBRARIES)(
    '%s: another key is refused, and the client reads why (G2, G4)',
    async (_library, create) => {
      const client = await create(server);
      const { refreshToken } = await client.redeem(server.authorize(await client.beginLogin()));
      const thief = await create(server);
      expect(thief.jkt).not.toBe(client.jkt);
      await expect(thief.refresh(refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' });
      expect((await client.refresh(refreshToken)).type.toLowerCase()).toBe('dpop');
    },
  );
});
