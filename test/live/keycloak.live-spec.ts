import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  type AccessTokenVerifier,
  type JwtAccessTokenOptions,
  keycloak as keycloakProfile,
  MemoryDenyList,
} from 'nestjs-dpop';
import { introspection } from 'nestjs-dpop/introspection';
import { gatherCast, playStory } from '../../sample/01-quickstart/story/story.js';
import type { Exchange } from '../../sample/01-quickstart/story/wire.js';
import { startApi } from '../../sample/03-keycloak/api/api.js';
import { KeycloakServer } from '../../sample/03-keycloak/keycloak/keycloak-server.js';
import { readRealm } from '../../sample/03-keycloak/realm.js';
import type { PlayedScene } from '../../sample/story/scene.js';
import { LogCollector } from '../support/log-collector.js';
import { PLATFORMS } from '../support/platforms.js';
import { closeApps } from '../support/running-app.js';
import { announce } from './announce.js';
import { expectAccepted, expectGuarded, expectRefused, expectRoles } from './expect-guarded.js';
import { startLiveApp } from './live-app.js';
import { LiveClient } from './live-client.js';

const SERVER_LIMIT_MS = 1_200_000;
const AUDIENCE = 'https://api.example.com';
const API = { id: 'accounts-api', secret: 'accounts-api-secret' } as const;

/** How an app is told about the realm of `sample/03-keycloak/realm.json`. */
const accessTokenOf = ({ url, realm }: KeycloakServer): JwtAccessTokenOptions => ({
  ...keycloakProfile({ url, realm, audience: AUDIENCE }),
  // Tests rotate keys, and do not wait.
  keysCooldownSeconds: 0,
});

/** How an app is told to ask the realm about each token as well. */
const introspectionOf = (keycloak: KeycloakServer): AccessTokenVerifier =>
  introspection({ accessToken: accessTokenOf(keycloak), client: API, verifySignature: true });

/** A test may stop, restart and change the server, and leaves it able to issue tokens. */
describe('Keycloak', () => {
  let keycloak: KeycloakServer;

  beforeAll(async () => {
    keycloak = await KeycloakServer.start({ realm: await readRealm(), say: announce });
  }, SERVER_LIMIT_MS);

  afterEach(closeApps);

  afterAll(() => keycloak.close(), SERVER_LIMIT_MS);

  const createService = () =>
    LiveClient.create({ issuer: keycloak.issuer, id: 'quickstart-client', secret: 'quickstart-secret' });
  const createApp = () => LiveClient.create({ issuer: keycloak.issuer, id: 'accounts-app' });
  const createApi = () => LiveClient.create({ issuer: keycloak.issuer, ...API });

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
        aud: expect.arrayContaining([AUDIENCE, API.id]),
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
      const app = await startLiveApp(platform, { accessToken: accessTokenOf(keycloak) });
      const client = await createService();
      await expectGuarded(app, {
        client,
        thief: await createService(),
        token: await client.fetchToken(),
        tokenWithScope: await client.fetchToken('statements:read'),
      });
    });

    test('of another kind are refused, and the log says what to change: the ID token (B1, D9)', async () => {
      const logger = new LogCollector();
      const app = await startLiveApp('express', { accessToken: accessTokenOf(keycloak), logger });
      const client = await createApp();
      const { access_token: token, id_token: idToken } = await client.logInAda('openid');
      await expectAccepted(app, client, token);
      await expectRefused(app, client, idToken ?? '', 'invalid_token');
      expect(logger.text).toContain('the client sent an ID token: it must send the access token');
    });

    test('of a client without the audience mapper are refused, and the log says what to change (B1, D9)', async () => {
      const logger = new LogCollector();
      const app = await startLiveApp('fastify', { accessToken: accessTokenOf(keycloak), logger });
      const [client, other] = await Promise.all([createService(), createApi()]);
      await expectAccepted(app, client, await client.fetchToken());
      // This client has no scope with the mapper. It sends a proof, and gets a bound token.
      const token = await other.fetchToken();
      expect(decodeJwt(token)).toMatchObject({ cnf: { jkt: other.jkt } });
      await expectRefused(app, other, token, 'invalid_token');
      expect(logger.text).toMatch(
        /\(token_audience\).*; expected: https:\/\/api\.example\.com; add a mapper of the type Audience/,
      );
    });
  });

  describe('a user who has logged in', () => {
    test.each(PLATFORMS)('is served, with roles, and after a refresh, on %s (B1, B13)', async (platform) => {
      const app = await startLiveApp(platform, { accessToken: accessTokenOf(keycloak) });
      const client = await createApp();
      const session = await client.logInAda('statements:read');
      expect(session.token_type).toBe('dpop');
      const answer = await expectAccepted(app, client, session.access_token);
      expect(answer).toMatchObject({
        jkt: client.jkt,
        clientId: 'accounts-app',
        scopes: ['statements:read'],
        roles: ['teller'],
        clientRoles: { 'accounts-api': ['approver'] },
      });
      await expectRoles(app, client, session.access_token, {
        '/counter': 'accepted',
        '/approvals': 'accepted',
        // A client role is no realm role.
        '/approvals-of-the-realm': 'refused',
      });

      const refreshed = await client.refresh(session.refresh_token);
      expect(refreshed.access_token).not.toBe(session.access_token);
      const { subject } = await expectAccepted(app, client, refreshed.access_token);
      expect(subject).toBe(answer.subject);
    });

    test.each(PLATFORMS)('has roles that a service lacks, on %s (B13)', async (platform) => {
      const app = await startLiveApp(platform, { accessToken: accessTokenOf(keycloak) });
      const service = await createService();
      const token = await service.fetchToken();
      const answer = await expectAccepted(app, service, token);
      expect(answer).toMatchObject({ clientId: 'quickstart-client', roles: ['teller'], clientRoles: {} });
      await expectRoles(app, service, token, { '/counter': 'accepted', '/approvals': 'refused' });
    });

    test('has a refresh token that a thief cannot use (B3)', async () => {
      const session = await (await createApp()).logInAda('statements:read');
      const thief = await createApp();
      await expect(thief.refresh(session.refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' });
    });
  });

  test('the sample plays each scene as expected (B1, B3, F1)', async () => {
    const { issuer } = keycloak;
    const api = await startApi(keycloak);
    try {
      const played: PlayedScene<Exchange>[] = [];
      for await (const scene of playStory(await gatherCast({ api: api.url, issuer }))) played.push(scene);
      expect(played.length).toBeGreaterThan(10);
      expect(played.filter(({ isAsExpected }) => !isAsExpected)).toStrictEqual([]);
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
        aud: expect.arrayContaining([AUDIENCE]),
        client_id: 'quickstart-client',
        scope: 'statements:read',
        token_type: 'DPoP',
        cnf: { jkt: service.jkt },
        realm_access: { roles: ['teller'] },
      });
      expect(await service.introspect(token)).toEqual({ active: false });
    });

    test('knows that an administrator has ended the session, unlike the signature (B7, B9)', async () => {
      const app = await startLiveApp('fastify', { accessToken: accessTokenOf(keycloak) });
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

  describe('an app that asks for introspection beside the signature', () => {
    test.each(PLATFORMS)(
      'serves the client and no thief, and no session that was ended, on %s (B7, B9)',
      async (platform) => {
        const logger = new LogCollector();
        const app = await startLiveApp(platform, { accessToken: introspectionOf(keycloak), logger });
        const [client, thief] = await Promise.all([createApp(), createApp()]);
        const session = await client.logInAda('statements:read');
        const token = session.access_token;
        const { claims, ...verdict } = await expectAccepted(app, client, token);
        expect(verdict).toMatchObject({
          jkt: client.jkt,
          clientId: 'accounts-app',
          scopes: ['statements:read'],
          roles: ['teller'],
          clientRoles: { 'accounts-api': ['approver'] },
        });
        await expectRoles(app, client, token, {
          '/approvals': 'accepted',
          '/approvals-of-the-realm': 'refused',
        });
        await expectRefused(app, thief, token, 'invalid_token');
        const other = await client.logInAda('statements:read');
        expect(logger.text).not.toContain('token_inactive');

        await administer('DELETE', `/sessions/${String(claims['sid'])}`);
        await expectRefused(app, client, token, 'invalid_token');
        expect(logger.text).toContain('(token_inactive) on GET /verdict');
        await expectAccepted(app, client, other.access_token);
      },
    );

    test('answers 503 to all tokens if the secret is wrong (B7, B8)', async () => {
      const client = await createService();
      const token = await client.fetchToken();
      const logger = new LogCollector();
      const accessToken = introspection({
        accessToken: accessTokenOf(keycloak),
        client: { ...API, secret: 'of yesterday' },
        verifySignature: true,
      });
      const app = await startLiveApp('express', { accessToken, logger });
      const response = await client.call(new URL('/verdict', app.url), token);
      expect(response.status).toBe(503);
      expect(logger.text).toContain('it does not accept the credentials of this service (status 401)');
      expect(logger.text).not.toContain('of yesterday');
    });

    test('refuses all tokens if its client is not in the audience of the tokens (B7)', async () => {
      const client = await createService();
      const token = await client.fetchToken();
      const logger = new LogCollector();
      const accessToken = introspection({
        accessToken: accessTokenOf(keycloak),
        client: { id: 'quickstart-client', secret: 'quickstart-secret' },
        verifySignature: true,
      });
      const app = await startLiveApp('express', { accessToken, logger });
      await expectRefused(app, client, token, 'invalid_token');
      expect(logger.text).toContain('(token_inactive) on GET /verdict');
    });
  });

  describe('an app with a deny-list', () => {
    test.each(PLATFORMS)(
      'refuses a session, then the user, whose tokens it accepted a moment ago, on %s (B9)',
      async (platform) => {
        const logger = new LogCollector();
        // The tokens of the realm live for 300 seconds.
        const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 300 });
        const app = await startLiveApp(platform, {
          accessToken: accessTokenOf(keycloak),
          revocation: denyList,
          logger,
        });
        const { issuer } = keycloak;
        const [client, service] = await Promise.all([createApp(), createService()]);
        const [first, second] = [
          await client.logInAda('statements:read'),
          await client.logInAda('statements:read'),
        ];
        const ofService = await service.fetchToken();
        const { claims } = await expectAccepted(app, client, first.access_token);
        await expectAccepted(app, client, first.access_token);
        const { subject } = await expectAccepted(app, client, second.access_token);
        await expectAccepted(app, service, ofService);

        await denyList.revoke({ issuer, sid: String(claims['sid']) });
        await expectRefused(app, client, first.access_token, 'invalid_token');
        // The session lives on at Keycloak, and has no use here.
        const refreshed = await client.refresh(first.refresh_token);
        await expectRefused(app, client, refreshed.access_token, 'invalid_token');
        await expectAccepted(app, client, second.access_token);

        const sub = String(subject);
        const { iat = 0 } = decodeJwt(second.access_token);
        await denyList.revoke({ issuer, sub, issuedBefore: iat - 1 });
        await expectAccepted(app, client, second.access_token);
        await denyList.revoke({ issuer, sub });
        await expectRefused(app, client, second.access_token, 'invalid_token');
        await expectAccepted(app, service, ofService);
        expect(logger.text.match(/\(token_revoked\) on GET \/verdict/g)).toHaveLength(3);
      },
    );
  });

  describe('the server', () => {
    test('rotates its keys while the app runs: old and new tokens are accepted (B12)', async () => {
      const app = await startLiveApp('express', { accessToken: accessTokenOf(keycloak) });
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
      'restarts while apps run: meanwhile, tokens are accepted, and 503 where it must be asked (B7, B8, B12)',
      async () => {
        const app = await startLiveApp('fastify', { accessToken: accessTokenOf(keycloak) });
        const asking = await startLiveApp('express', { accessToken: introspectionOf(keycloak) });
        const client = await createApp();
        const session = await client.logInAda('statements:read');
        await expectAccepted(app, client, session.access_token);
        await expectAccepted(asking, client, session.access_token);

        await keycloak.stop();
        await expectAccepted(app, client, session.access_token);
        const meanwhile = await client.call(new URL('/verdict', asking.url), session.access_token);
        expect(meanwhile.status).toBe(503);

        await keycloak.start();
        await expectAccepted(app, client, session.access_token);
        await expectAccepted(asking, client, session.access_token);
        const refreshed = await client.refresh(session.refresh_token);
        await expectAccepted(app, client, refreshed.access_token);
      },
      SERVER_LIMIT_MS,
    );
  });
});
