import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { JwtAccessTokenOptions } from 'nestjs-dpop';
import { introspection } from 'nestjs-dpop/introspection';
import { LogCollector } from '../support/log-collector.js';
import { PLATFORMS } from '../support/platforms.js';
import { closeApps } from '../support/running-app.js';
import { announce } from './announce.js';
import { expectAccepted, expectGuarded, expectRefused, expectRoles } from './expect-guarded.js';
import { startLiveApp } from './live-app.js';
import { LiveClient } from './live-client.js';
import { SpringAuthorizationServer } from './spring/spring-authorization-server.js';

const SERVER_LIMIT_MS = 1_200_000;
const CLIENT = { id: 'accounts-app', secret: 'accounts-app-secret' } as const;

/** How an app is told about `spring/AuthorizationServer.java`. */
const accessTokenOf = (issuer: string): JwtAccessTokenOptions => ({
  issuer,
  audience: 'https://api.example.com',
  // Spring writes no typ.
  typ: ['at+jwt', 'absent'],
  // Tests rotate keys, and do not wait.
  keysCooldownSeconds: 0,
});

describe('Spring Authorization Server', () => {
  let spring: SpringAuthorizationServer;

  beforeAll(async () => {
    spring = await SpringAuthorizationServer.start(announce);
  }, SERVER_LIMIT_MS);

  afterEach(closeApps);

  afterAll(() => spring.close(), SERVER_LIMIT_MS);

  const createClient = () =>
    LiveClient.create({
      issuer: spring.issuer,
      ...CLIENT,
      idTokenAlgorithm: 'ES256',
    });

  describe('tokens', () => {
    test('have the shape that the documentation states (B1, B2)', async () => {
      const client = await createClient();
      const token = await client.fetchToken('statements:read');
      const header = decodeProtectedHeader(token);
      expect(header).toEqual({ alg: 'ES256', kid: expect.any(String) });
      const claims = decodeJwt(token);
      expect(claims).toMatchObject({
        iss: spring.issuer,
        aud: 'https://api.example.com',
        sub: 'accounts-app',
        // An array, where RFC 9068 has a string.
        scope: ['statements:read'],
        roles: ['teller'],
        cnf: { jkt: client.jkt },
      });
      expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['client_id']));
      expect(Object.keys(claims)).not.toEqual(expect.arrayContaining(['azp']));
    });

    test.each(PLATFORMS)('serve their client and no thief, on %s (B1, B3, F1)', async (platform) => {
      const app = await startLiveApp(platform, { accessToken: accessTokenOf(spring.issuer) });
      const client = await createClient();
      await expectGuarded(app, {
        client,
        thief: await createClient(),
        token: await client.fetchToken(),
        tokenWithScope: await client.fetchToken('statements:read'),
      });
    });

    test('of another kind are refused: the ID token, which has no typ either (B1)', async () => {
      const app = await startLiveApp('express', { accessToken: accessTokenOf(spring.issuer) });
      const client = await createClient();
      const { access_token: token, id_token: idToken = '' } = await client.logInAda('openid');
      await expectAccepted(app, client, token);
      expect(Object.keys(decodeProtectedHeader(idToken))).not.toContain('typ');
      await expectRefused(app, client, idToken, 'invalid_token');
    });

    test('that are not bound are refused: the server issues them to a client without a proof (B2)', async () => {
      const app = await startLiveApp('express', { accessToken: accessTokenOf(spring.issuer) });
      const client = await createClient();
      await expectAccepted(app, client, await client.fetchToken());
      await expectRefused(app, client, await client.fetchUnboundToken(), 'invalid_token');
    });
  });

  test.each(PLATFORMS)(
    'a user who has logged in is served, with roles, and after a refresh, on %s (B1, B13)',
    async (platform) => {
      const app = await startLiveApp(platform, { accessToken: accessTokenOf(spring.issuer) });
      const client = await createClient();
      const session = await client.logInAda('statements:read');
      expect(session.token_type).toBe('dpop');
      const expected = {
        jkt: client.jkt,
        subject: 'ada',
        scopes: ['statements:read'],
        roles: ['teller'],
        clientRoles: {},
      };
      expect(await expectAccepted(app, client, session.access_token)).toMatchObject(expected);
      await expectRoles(app, client, session.access_token, {
        '/counter': 'accepted',
        '/approvals-of-the-realm': 'refused',
        '/approvals': 'refused',
      });
      const refreshed = await client.refresh(session.refresh_token);
      expect(refreshed.access_token).not.toBe(session.access_token);
      expect(await expectAccepted(app, client, refreshed.access_token)).toMatchObject(expected);
    },
  );

  test('introspection tells the binding, and that a session was revoked (B7, B9)', async () => {
    const app = await startLiveApp('fastify', { accessToken: accessTokenOf(spring.issuer) });
    const client = await createClient();
    const { access_token: token, refresh_token: refreshToken } = await client.logInAda('statements:read');
    await expectAccepted(app, client, token);
    expect(await client.introspect(token)).toMatchObject({
      active: true,
      iss: spring.issuer,
      aud: ['https://api.example.com'],
      sub: 'ada',
      client_id: 'accounts-app',
      scope: 'statements:read',
      token_type: 'DPoP',
      cnf: { jkt: client.jkt },
    });

    await client.revoke(refreshToken);
    expect(await client.introspect(token)).toEqual({ active: false });
    // The app of this test verifies the signature alone.
    await expectAccepted(app, client, token);
  });

  test.each(PLATFORMS)(
    'an app that asks for introspection beside the signature refuses a session that was revoked, on %s (B7, B9)',
    async (platform) => {
      const logger = new LogCollector();
      const accessToken = introspection({
        accessToken: accessTokenOf(spring.issuer),
        client: CLIENT,
        verifySignature: true,
      });
      const app = await startLiveApp(platform, { accessToken, logger });
      const [client, thief] = await Promise.all([createClient(), createClient()]);
      const session = await client.logInAda('statements:read');
      const token = session.access_token;
      expect(await expectAccepted(app, client, token)).toMatchObject({
        jkt: client.jkt,
        subject: 'ada',
        // From the response: the token has none.
        clientId: 'accounts-app',
        scopes: ['statements:read'],
        roles: ['teller'],
      });
      await expectRefused(app, thief, token, 'invalid_token');
      const { access_token: other } = await client.logInAda('statements:read');
      expect(logger.text).not.toContain('token_inactive');

      await client.revoke(session.refresh_token);
      await expectRefused(app, client, token, 'invalid_token');
      expect(logger.text).toContain('(token_inactive) on GET /verdict');
      await expectAccepted(app, client, other);
    },
  );

  test(
    'the server restarts while the app runs, first with its key, then with another one (B8, B12)',
    async () => {
      const app = await startLiveApp('fastify', { accessToken: accessTokenOf(spring.issuer) });
      const client = await createClient();
      const old = await client.fetchToken();
      await expectAccepted(app, client, old);

      await spring.stop();
      await expectAccepted(app, client, old);
      await spring.start();
      await expectAccepted(app, client, old);
      await expectAccepted(app, client, await client.fetchToken());

      await spring.stop();
      await spring.forgetKey();
      await spring.start();
      await expectAccepted(app, client, await client.fetchToken());
      await expectRefused(app, client, old, 'invalid_token');
    },
    SERVER_LIMIT_MS,
  );
});
