import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, UseGuards } from '@nestjs/common';
import {
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopVerdict,
  type Fetch,
  type JwtAccessTokenOptions,
  readStandardRights,
  type RefusedToken,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { BareIssuer } from './support/bare-issuer.js';
import { call, UNAVAILABLE } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

let handled = 0;

@UseGuards(DpopGuard)
@Controller()
class RightsController {
  @Get()
  read(
    @DpopBound('roles') roles: DpopVerdict['roles'],
    @DpopBound('clientRoles') clientRoles: DpopVerdict['clientRoles'],
    @DpopBound('permissions') permissions: DpopVerdict['permissions'],
    @DpopBound('clientId') clientId: DpopVerdict['clientId'],
  ): object {
    handled += 1;
    return { roles, clientRoles, permissions, clientId };
  }
}

describe.each(PLATFORMS)('settings of an issuer on %s', (platform) => {
  const logs = new LogCollector();
  const closing: { close(): Promise<void> }[] = [];
  let client: TestClient;

  beforeEach(async () => {
    client = await TestClient.create();
    handled = 0;
    logs.lines.length = 0;
  });

  afterEach(async () => {
    await closeApps();
    await Promise.all(closing.splice(0).map((server) => server.close()));
  });

  async function start(...accessToken: readonly JwtAccessTokenOptions[]): Promise<RunningApp> {
    const dpop = DpopModule.forRoot({ origin: ORIGIN, accessToken });
    const module = createRootModule({ dpop, controllers: [RightsController] });
    return await startApp(platform, module, { logger: logs });
  }

  describe('the reader of rights (B13)', () => {
    test('fills the verdict, for a known token, too', async () => {
      const issuer = await TestIssuer.create();
      let reads = 0;
      const readRights: JwtAccessTokenOptions['readRights'] = (claims) => {
        reads += 1;
        return {
          ...readStandardRights(claims),
          roles: ['admin'],
          clientRoles: { api: ['editor'] },
          permissions: ['pay'],
        };
      };
      const app = await start({ ...issuer.accessToken, readRights });
      const token = await issuer.issueToken({ client });
      for (const time of [1, 2]) {
        expect(await call(app, client, { token })).toMatchObject({
          status: 200,
          body: {
            roles: ['admin'],
            clientRoles: { api: ['editor'] },
            permissions: ['pay'],
            clientId: 'client',
          },
        });
        expect(handled).toBe(time);
      }
      expect(reads).toBe(1);
    });

    test('of another issuer is not asked', async () => {
      const [one, other] = [
        await TestIssuer.create(),
        await TestIssuer.create({ issuer: 'https://other.test' }),
      ];
      const readRights: JwtAccessTokenOptions['readRights'] = (claims) => ({
        ...readStandardRights(claims),
        roles: ['admin'],
      });
      const app = await start({ ...one.accessToken, readRights }, other.accessToken);
      const token = await other.issueToken({ client, claims: { roles: ['user'] } });
      expect(await call(app, client, { token })).toMatchObject({ status: 200, body: { roles: ['user'] } });
    });

    test.each([
      [
        'throws',
        () => {
          throw new Error('the secret of the app');
        },
        'readRights threw an error',
      ],
      ['returns nothing', () => undefined as never, 'readRights must return'],
    ])('that %s: 503, and explained', async (_what, readRights, advice) => {
      const issuer = await TestIssuer.create();
      const app = await start({ ...issuer.accessToken, readRights });
      const token = await issuer.issueToken({ client });
      expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
      expect(handled).toBe(0);
      expect(logs.text).toContain(advice);
      expect(logs.text).not.toContain('the secret of the app');
    });
  });

  describe('the adviser (D9)', () => {
    const SENTENCE = 'switch on DPoP for this client at the provider';

    test('adds its sentence to the line of a refusal, and nothing to the answer', async () => {
      const issuer = await TestIssuer.create();
      const seen: RefusedToken[] = [];
      const advise = (refused: RefusedToken) => {
        seen.push(refused);
        return refused.reason === 'token_unbound' ? SENTENCE : undefined;
      };
      const app = await start({ ...issuer.accessToken, advise });
      const answer = await call(app, client, { token: await issuer.issueToken() });
      expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
      expect(logs.text).toMatch(new RegExp(`token_unbound.*${SENTENCE}`));
      expect(JSON.stringify([answer.body, answer.challenge])).not.toContain(SENTENCE);
      expect(seen).toMatchObject([
        { reason: 'token_unbound', segments: 3, header: { typ: 'at+jwt' }, claims: { iss: issuer.issuer } },
      ]);
      await call(app, client, { token: 'opaque-token' });
      expect(seen.at(-1)).toMatchObject({ reason: 'token_invalid', segments: 1, claims: undefined });
      expect(handled).toBe(0);
    });

    test('of the issuer that the token names is asked alone', async () => {
      const [one, other] = [
        await TestIssuer.create(),
        await TestIssuer.create({ issuer: 'https://other.test' }),
      ];
      const app = await start(
        { ...one.accessToken, advise: () => 'advice of one' },
        { ...other.accessToken, advise: () => 'advice of the other' },
      );
      await call(app, client, { token: await other.issueToken() });
      expect(logs.text).toContain('advice of the other');
      expect(logs.text).not.toContain('advice of one');
    });

    test('that throws does not hide the refusal', async () => {
      const issuer = await TestIssuer.create();
      const advise = (): never => {
        throw new Error('the secret of the app');
      };
      const app = await start({ ...issuer.accessToken, advise });
      const answer = await call(app, client, { token: await issuer.issueToken() });
      expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
      expect(logs.text).toContain('token_unbound');
      expect(logs.text).not.toContain('the secret of the app');
    });
  });

  describe('the fetch of the app (B8)', () => {
    test('fetches metadata and keys, and the one of Node fetches nothing', async () => {
      const hidden = await TestIssuer.create({ issuer: 'https://auth.internal.test' });
      const asked: string[] = [];
      const documents: Readonly<Record<string, object>> = {
        '/.well-known/oauth-authorization-server': {
          issuer: hidden.issuer,
          jwks_uri: `${hidden.issuer}/jwks`,
        },
        '/jwks': hidden.keys,
      };
      const through: Fetch = (url) => {
        asked.push(url);
        return Promise.resolve(Response.json(documents[new URL(url).pathname]));
      };
      const { issuer, audience } = hidden;
      const app = await start({ issuer, audience, fetch: through });
      expect(await call(app, client, { token: await hidden.issueToken({ client }) })).toMatchObject({
        status: 200,
      });
      expect(asked).toEqual([`${issuer}/.well-known/oauth-authorization-server`, `${issuer}/jwks`]);
    });
  });

  describe('an http key set of one issuer (B8)', () => {
    test('is fetched with allowInsecureJwksUri, and its redirect is not followed', async () => {
      const bare = await BareIssuer.listen();
      closing.push(bare);
      const issuer = await TestIssuer.create({ issuer: 'https://auth.example.com' });
      bare.documents.set('/jwks', issuer.keys);
      const asked: string[] = [];
      // A name beyond loopback, which the fetch of the test leads to the server.
      const through: Fetch = (url, init) => {
        asked.push(url);
        return fetch(bare.issuer + new URL(url).pathname, init);
      };
      const { audience } = issuer;
      const app = await start({
        issuer: issuer.issuer,
        audience,
        jwksUri: 'http://keycloak:8080/jwks',
        allowInsecureJwksUri: true,
        fetch: through,
      });
      expect(await call(app, client, { token: await issuer.issueToken({ client }) })).toMatchObject({
        status: 200,
      });
      expect(asked).toEqual(['http://keycloak:8080/jwks']);
    });

    test('the option opens nothing else', async () => {
      const good = { issuer: 'https://a.test', audience: 'a' };
      const jwksUri = 'http://keycloak:8080/jwks';
      const wrong: readonly (readonly [readonly JwtAccessTokenOptions[], RegExp])[] = [
        [
          [{ ...good, jwksUri }],
          /^accessToken\[0\]\.jwksUri must be .*or set allowInsecureJwksUri: true for this issuer/,
        ],
        [
          [
            { ...good, jwksUri, allowInsecureJwksUri: true },
            { ...good, issuer: 'https://b.test', jwksUri },
          ],
          /^accessToken\[1\]\.jwksUri/,
        ],
        [
          [{ ...good, issuer: 'http://a.test', jwksUri, allowInsecureJwksUri: true }],
          /^accessToken\[0\]\.issuer must be .*allowInsecureHttp/,
        ],
        [
          [{ ...good, jwksUri: 'ftp://keycloak/jwks', allowInsecureJwksUri: true }],
          /^accessToken\[0\]\.jwksUri/,
        ],
        [
          [{ ...good, allowInsecureJwksUri: true }],
          /^accessToken\[0\]\.allowInsecureJwksUri must be left out without jwksUri/,
        ],
        [
          [{ ...good, jwksUri, allowInsecureJwksUri: 'yes' as never }],
          /^accessToken\[0\]\.allowInsecureJwksUri must be true or false/,
        ],
        [
          [{ ...good, fetch: 'x' as never }],
          /^accessToken\[0\]\.fetch must be a function like the fetch of Node/,
        ],
        [
          [{ ...good, readRights: {} as never }],
          /^accessToken\[0\]\.readRights must be a function that returns the rights/,
        ],
        [[{ ...good, advise: 1 as never }], /^accessToken\[0\]\.advise must be a function/],
      ];
      for (const [accessToken, message] of wrong)
        await expect(start(...accessToken)).rejects.toThrow(message);
    });
  });
});
