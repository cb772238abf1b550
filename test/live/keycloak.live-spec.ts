import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { JwtAccessTokenOptions } from 'nestjs-dpop';
import { gatherCast, playStory } from '../../sample/01-quickstart/story/story.js';
import type { Exchange } from '../../sample/01-quickstart/story/wire.js';
import { startApi } from '../../sample/03-keycloak/api/api.js';
import { KeycloakServer } from '../../sample/03-keycloak/keycloak/keycloak-server.js';
import type { PlayedScene } from '../../sample/story/scene.js';
import { PLATFORMS } from '../support/platforms.js';
import { closeApps } from '../support/running-app.js';
import { announce } from './announce.js';
import { expectAccepted, expectGuarded, expectRefused } from './expect-guarded.js';
import { startLiveApp } from './live-app.js';
import { LiveClient } from './live-client.js';

const SERVER_LIMIT_MS = 1_200_000;

/** How an app is told about the realm of `sample/03-keycloak/realm.json`. */
const accessTokenOf = (issuer: string): JwtAccessTokenOptions => ({
  issuer,
  audience: 'https://api.example.com',
  typ: ['at+jwt', 'JWT'],
  // Tests rotate keys, and do not wait.
  keysCooldownSeconds: 0,
});

/** A test may stop, restart and change the server, and leaves it able to issue tokens. */
describe('Keycloak', () => {
  let keycloak: KeycloakServer;

  beforeAll(async () => {
    keycloak = await KeycloakServer.start(announce);
  }, SERVER_LIMIT_MS);

  afterEach(closeApps);

  afterAll(() => keycloak.close(), SERVER_LIMIT_MS);

  const createService = () =>
    LiveClient.create({ issuer: keycloak.issuer, id: 'quickstart-client', secret: 'quickstart-secret' });
  const createApp = () => LiveClient.create({ issuer: keycloak.issuer, id: 'accounts-app' });
  const createApi = () =>
    LiveClient.create({ issuer: keycloak.issuer, id: 'accounts-api', secret: 'accounts-api-secret' });

  /** A request to the admin REST API of the realm. */
  async function administer(method: string, path: string, body?: object): Promise<void> {
    const { id, secret } = keycloak.admin;
    const admin = await LiveClient.create({ issuer: `${keycloak.url}/realms/master`, id, secret });
    const headers = {
      authorization: `Bearer ${await admin.fetchUnboundToken()}`,
      'content-type': 'application/json',
    };
    const response = await fetch(keycloak.adminApi + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    expect(response.ok).toBe(true);
  }

  describe('tokens', () => {
    test('have the shape that the documentation states (B1, B2)', async () => {
      const service = await createService();
      const token = await service.fetchToken('statements:read');
      expect(decodeProtectedHeader(token)).toEqual({
        alg: 'RS256',
        typ: 'JWT',
        kid: expect.any(String),
      });
      const claims = decodeJwt(token);
      expect(claims).toMatchObject({
        iss: keycloak.issuer,
        aud: expect.arrayContaining(['https://api.example.com', 'accounts-api']),
        typ: 'DPoP',
        azp: 'quickstart-client',
        scope: 'statements:read',
        realm_access: { roles: ['teller'] },
        // A member of Keycloak's own stands beside jkt.
        cnf: { jkt: service.jkt, 'kc-jkt-type': 'DPoP' },
      });
      expect(Object.keys(claims)).not.toContain('client_id');
    });

    test('are not issued to the client without a proof (B2)', async () => {
      const service = await createService();
      await expect(service.fetchUnboundToken()).rejects.toMatchObject({ error: 'invalid_request' });
    });

    test.each(PLATFORMS)('serve their client and no thief, on %s (B1, B3, F1)', async (platform) => {
      const app = await startLiveApp(platform, accessTokenOf(keycloak.issuer));
      const client = await createService();
      await expectGuarded(app, {
        client,
        thief: await createService(),
        token: await client.fetchToken(),
        tokenWithScope: await client.fetchToken('statements:read'),
      });
    });

    test('of another kind are refused: the ID token (B1)', async () => {
      const app = await startLiveApp('express', accessTokenOf(keycloak.issuer));
      const client = await createApp();
      const { access_token: token, id_token: idToken } = await client.logInAda('openid');
      await expectAccepted(app, client, token);
      await expectRefused(app, client, idToken ?? '', 'invalid_token');
    });
  });

  describe('a user who has logged in', () => {
    test.each(PLATFORMS)('is served, with roles, and after a refresh, on %s (B1, B13)', async (platform) => {
      const app = await startLiveApp(platform, accessTokenOf(keycloak.issuer));
      const client = await createApp();
      const session = await client.logInAda('statements:read');
      expect(session.token_type).toBe('dpop');
      const answer = await expectAccepted(app, client, session.access_token);
      expect(answer).toMatchObject({
        jkt: client.jkt,
        clientId: 'accounts-app',
        scopes: ['statements:read'],
        claims: {
          realm_access: { roles: ['teller'] },
          resource_access: { 'accounts-api': { roles: ['approver'] } },
        },
      });

      const refreshed = await client.refresh(session.refresh_token);
      expect(refreshed.access_token).not.toBe(session.access_token);
      const { subject } = await expectAccepted(app, client, refreshed.access_token);
      expect(subject).toBe(answer.subject);
    });

    test('has a refresh token that a thief cannot use (B3)', async () => {
      const session = await (await createApp()).logInAda('statements:read');
      const thief = await createApp();
      await expect(thief.refresh(session.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' });
    });
  });

  test('the sample plays each scene as expected (B1, B3, F1)', async () => {
    const { issuer } = keycloak;
    const api = await startApi(issuer);
    try {
      const played: PlayedScene<Exchange>[] = [];
      for await (const scene of playStory(await gatherCast({ api: api.url, issuer }))) played.push(scene);
      expect(played.length).toBeGreaterThan(10);
      expect(played.filter(({ isAsExpected }) => !isAsExpected)).toEqual([]);
    } finally {
      await api.close();
    }
  });

  describe('introspection', () => {
    test('tells the binding of a token, to clients in its audience alone (B7)', async () => {
      const service = await createService();
      const token = await service.fetchToken('statements:read');
      expect(await (await createApi()).introspect(token)).toMatchObject({
        active: true,
        iss: keycloak.issuer,
        aud: expect.arrayContaining(['https://api.example.com']),
        client_id: 'quickstart-client',
        scope: 'statements:read',
        token_type: 'DPoP',
        cnf: { jkt: service.jkt },
        realm_access: { roles: ['teller'] },
      });
      expect(await service.introspect(token)).toEqual({ active: false });
    });

    test('knows that an administrator has ended the session, unlike the signature (B7, B9)', async () => {
      const app = await startLiveApp('fastify', accessTokenOf(keycloak.issuer));
      const [client, api] = await Promise.all([createApp(), createApi()]);
      const { access_token: token, refresh_token: refreshToken } = await client.logInAda('statements:read');
      const { claims } = await expectAccepted(app, client, token);
      expect(await api.introspect(token)).toMatchObject({ active: true });

      await administer('DELETE', `/sessions/${String(claims['sid'])}`);
      expect(await api.introspect(token)).toEqual({ active: false });
      await expect(client.refresh(refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' });
      // The app of this test verifies the signature alone.
      await expectAccepted(app, client, token);
    });
  });

  describe('the server', () => {
    test('rotates its keys while the app runs: old and new tokens are accepted (B12)', async () => {
      const app = await startLiveApp('express', accessTokenOf(keycloak.issuer));
      const client = await createService();
      const old = await client.fetchToken();
      await expectAccepted(app, client, old);

      await administer('POST', '/components', {
        name: 'next',
        providerId: 'rsa-generated',
        providerType: 'org.keycloak.keys.KeyProvider',
        config: { priority: ['1000'] },
      });
      const next = await client.fetchToken();
      expect(decodeProtectedHeader(next).kid).not.toBe(decodeProtectedHeader(old).kid);
      await expectAccepted(app, client, next);
      await expectAccepted(app, client, old);
    });

    test(
      'restarts while the app runs: tokens are accepted before, meanwhile and after (B8, B12)',
      async () => {
        const app = await startLiveApp('fastify', accessTokenOf(keycloak.issuer));
        const client = await createApp();
        const session = await client.logInAda('statements:read');
        await expectAccepted(app, client, session.access_token);

        await keycloak.stop();
        await expectAccepted(app, client, session.access_token);

        await keycloak.start();
        await expectAccepted(app, client, session.access_token);
        const refreshed = await client.refresh(session.refresh_token);
        await expectAccepted(app, client, refreshed.access_token);
      },
      SERVER_LIMIT_MS,
    );
  });
});
