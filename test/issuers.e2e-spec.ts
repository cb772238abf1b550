import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { type CryptoKey, generateKeyPair, SignJWT } from 'jose';
import {
  type AccessTokenOption,
  AccessTokenVerifier,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, UNAVAILABLE } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';
import { AUDIENCE, BareIssuer, OPENID, type Reply, RFC8414 } from './support/bare-issuer.js';
import { BARE_REQUEST } from './support/bare-request.js';

let hits = 0;

@UseGuards(DpopGuard)
@Controller()
class GuardedController {
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

describe.each(PLATFORMS)('issuers on %s', (platform) => {
  let client: TestClient;
  const closing: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    client = await TestClient.create();
    hits = 0;
  });

  afterEach(async () => {
    await closeApps();
    await Promise.all(closing.splice(0).map((server) => server.close()));
  });

  async function start(
    accessToken: AccessTokenOption | readonly AccessTokenOption[],
    overrides: Partial<DpopModuleOptions> = {},
  ): Promise<RunningApp> {
    const options = { origin: ORIGIN, accessToken, ...overrides };

    @Module({ imports: [DpopModule.forRoot(options)], controllers: [GuardedController] })
    class AppModule {}

    return await startApp(platform, AppModule);
  }

  async function listen(options: Parameters<typeof TestIssuer.listen>[0] = {}): Promise<TestIssuer> {
    const issuer = await TestIssuer.listen(options);
    closing.push(issuer);
    return issuer;
  }

  async function listenBare(): Promise<BareIssuer> {
    const issuer = await BareIssuer.listen();
    closing.push(issuer);
    return issuer;
  }

  function sign(issuer: BareIssuer, key: CryptoKey, header: object = {}): Promise<string> {
    return new SignJWT({ cnf: { jkt: client.jkt } })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header })
      .setIssuer(issuer.issuer)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(key);
  }

  /** B8 D8: 503, when to come back, no challenge, and the handler has not run. */
  function expectOutage(answer: Answer): void {
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(hits).toBe(0);
  }

  describe('where the keys are (B1)', () => {
    test('in RFC 8414 metadata alone', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      issuer.documents.set(RFC8414, issuer.metadata);
      expect(await call(await start(issuer.accessToken), client, { token })).toMatchObject({ status: 200 });
      expect(issuer.asked).toEqual([RFC8414, '/jwks']);
    });

    test('in OpenID Connect metadata alone', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      issuer.documents.set(OPENID, issuer.metadata);
      expect(await call(await start(issuer.accessToken), client, { token })).toMatchObject({ status: 200 });
      expect(issuer.asked).toEqual([RFC8414, OPENID, '/jwks']);
    });

    test.each([['/tenant'], ['/tenant/']])(
      'of an issuer with a path, %s: each standard in its own place',
      async (path) => {
        for (const location of [`${RFC8414}/tenant`, `/tenant${OPENID}`]) {
          const issuer = await listenBare();
          const key = await issuer.addKey();
          const named = `${issuer.issuer}${path}`;
          issuer.documents.set(location, { ...issuer.metadata, issuer: named });
          const app = await start({ issuer: named, audience: AUDIENCE });
          const token = await new SignJWT({ cnf: { jkt: client.jkt }, iss: named, aud: AUDIENCE })
            .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
            .setExpirationTime('5m')
            .sign(key);
          expect(await call(app, client, { token })).toMatchObject({ status: 200 });
        }
      },
    );

    test('at a jwksUri that is given, without discovery', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      const app = await start({ ...issuer.accessToken, jwksUri: `${issuer.issuer}/jwks` });
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      expect(issuer.asked).toEqual(['/jwks']);
    });

    test('in the options, without a network', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      const keys = { keys: issuer.keys };
      const app = await start({ ...issuer.accessToken, keys });
      await issuer.close();
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      expect(issuer.asked).toStrictEqual([]);
    });

    test('asked for once, not for each request or token', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      issuer.documents.set(RFC8414, issuer.metadata);
      const app = await start(issuer.accessToken);
      const tokens = await Promise.all([sign(issuer, key), sign(issuer, key, { kid: undefined })]);
      const answers = await Promise.all([...tokens, ...tokens].map((token) => call(app, client, { token })));
      for (const { status } of answers) expect(status).toBe(200);
      expect(await call(app, client, { token: await sign(issuer, key) })).toMatchObject({ status: 200 });
      expect(issuer.asked).toEqual([RFC8414, '/jwks']);
    });

    test('a verified token is known: its claims are the same object until the keys turn', async () => {
      const issuer = await listen();
      const app = await start({ ...issuer.accessToken, keysCooldownSeconds: 0 });
      const verifier = app.nest.get(AccessTokenVerifier);
      const token = await issuer.issueToken({ client });
      const accept = async (presented: string) => {
        const ath = hash('sha256', presented, 'base64url');
        const accepted = await verifier.verify(presented, ath, BARE_REQUEST);
        await verifier.remember?.(presented, ath, accepted);
        return accepted;
      };
      await accept(token);
      const claims = await accept(token);
      expect(await accept(token)).toBe(claims);
      await issuer.rotateKey();
      await accept(await issuer.issueToken({ client }));
      const again = await accept(token);
      expect(again).not.toBe(claims);
      expect(again).toEqual(claims);
    });
  });

  describe('metadata that cannot be trusted is an outage, not the fault of the token (B8)', () => {
    const untrusted: readonly (readonly [string, (issuer: BareIssuer) => unknown])[] = [
      ['naming another issuer', ({ metadata }) => ({ ...metadata, issuer: 'https://evil.example' })],
      [
        'naming the issuer with a slash more',
        (issuer) => ({ ...issuer.metadata, issuer: `${issuer.issuer}/` }),
      ],
      ['naming no issuer', ({ issuer }) => ({ jwks_uri: `${issuer}/jwks` })],
      ['naming no jwks_uri', ({ issuer }) => ({ issuer })],
      ['naming a jwks_uri that is no string', ({ issuer }) => ({ issuer, jwks_uri: [`${issuer}/jwks`] })],
      ['naming a jwks_uri that is no URL', ({ issuer }) => ({ issuer, jwks_uri: '/jwks' })],
      ['naming keys that are not there', ({ issuer }) => ({ issuer, jwks_uri: `${issuer}/nothing` })],
      ['naming keys beyond https', ({ issuer }) => ({ issuer, jwks_uri: 'http://keys.example.com/jwks' })],
      ['that is null', () => null],
      ['that is an array', ({ metadata }) => [metadata]],
      ['that is no JSON', () => '<html>issuer</html>'],
      ['that is cut off', ({ issuer }) => `{"issuer":"${issuer}`],
      ['that is empty', () => ''],
    ];

    test.each(untrusted)('%s', async (_name, documentOf) => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      // null would count as not there.
      const document = documentOf(issuer);
      issuer.documents.set(RFC8414, document === null ? 'null' : document);
      expectOutage(await call(await start(issuer.accessToken), client, { token }));
    });

    test('metadata of somebody else in one place does not hide the right one in the other', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      issuer.documents.set(RFC8414, { ...issuer.metadata, issuer: 'https://evil.example' });
      issuer.documents.set(OPENID, issuer.metadata);
      expect(await call(await start(issuer.accessToken), client, { token })).toMatchObject({ status: 200 });
    });

    test('a page in the place of metadata does not hide it in the other', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      issuer.documents.set(RFC8414, '<!doctype html><title>Sign in</title>');
      issuer.documents.set(OPENID, issuer.metadata);
      expect(await call(await start(issuer.accessToken), client, { token })).toMatchObject({ status: 200 });
    });

    const redirect =
      (location: string): Reply =>
      (_request, response) =>
        void response.writeHead(302, { location }).end();

    test('a redirect is not followed, neither for metadata nor for keys', async () => {
      const evil = await listenBare();
      const key = await evil.addKey();
      const issuer = await listenBare();
      evil.documents.set(RFC8414, { issuer: issuer.issuer, jwks_uri: `${evil.issuer}/jwks` });
      issuer.documents.set(RFC8414, redirect(`${evil.issuer}${RFC8414}`));
      const token = await sign(issuer, key);
      expectOutage(await call(await start(issuer.accessToken), client, { token }));

      issuer.documents.set(RFC8414, issuer.metadata);
      issuer.documents.set('/jwks', redirect(`${evil.issuer}/jwks`));
      expectOutage(await call(await start(issuer.accessToken), client, { token }));
      expect(evil.asked).toStrictEqual([]);
    });

    const badKeys: readonly (readonly [string, unknown])[] = [
      ['no JSON', 'keys?'],
      ['an array', []],
      ['without keys', {}],
      ['with keys that are none', { keys: [42] }],
      [
        'behind a 500',
        (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(500).end('{}'),
      ],
      ['behind a hang-up', (request: IncomingMessage) => void request.socket.destroy()],
    ];

    test.each(badKeys)('a key set that is %s', async (_name, document) => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      issuer.documents.set(RFC8414, issuer.metadata);
      issuer.documents.set('/jwks', document);
      expectOutage(await call(await start(issuer.accessToken), client, { token }));
    });
  });

  describe('outages (B8)', () => {
    test.each([[500], [502], [404], [429]])('an issuer that answers %d', async (status) => {
      const issuer = await listen();
      issuer.outageStatus = status;
      const app = await start(issuer.accessToken);
      expectOutage(await call(app, client, { token: await issuer.issueToken({ client }) }));
    });

    test('an issuer whose port is closed', async () => {
      const issuer = await listen();
      const token = await issuer.issueToken({ client });
      await issuer.close();
      const app = await start(issuer.accessToken);
      expectOutage(await call(app, client, { token }));
    });

    test.each([
      ['metadata', RFC8414],
      ['keys', '/jwks'],
    ])('an issuer that never answers with its %s', async (_name, path) => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      issuer.documents.set(RFC8414, issuer.metadata);
      issuer.documents.set(path, () => undefined);
      const app = await start({ ...issuer.accessToken, fetchTimeoutMs: 20 });
      expectOutage(await call(app, client, { token }));
    });

    test('an issuer that never ends its answer', async () => {
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      const endless: Reply = (_request, response) => void response.writeHead(200).write('{"issuer":');
      issuer.documents.set(RFC8414, endless);
      const app = await start({ ...issuer.accessToken, fetchTimeoutMs: 20 });
      expectOutage(await call(app, client, { token }));
    });

    test('it ends by itself: after a pause of one second the keys are asked for again', async () => {
      const clock = new HandClock(Date.now());
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      const app = await start(issuer.accessToken, { clock: clock.read });
      const outage = await call(app, client, { token });
      expectOutage(outage);
      expect(outage.headers.get('retry-after')).toBe('1');
      const asked = issuer.asked.length;
      expect(asked).toBeGreaterThan(0);

      issuer.documents.set(RFC8414, issuer.metadata);
      clock.ms += 999;
      expectOutage(await call(app, client, { token }));
      expect(issuer.asked).toHaveLength(asked);
      clock.ms += 1;
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    });

    test('a clock that is set back does not lengthen the pause', async () => {
      const clock = new HandClock(Date.now());
      const issuer = await listenBare();
      const token = await sign(issuer, await issuer.addKey());
      const app = await start(issuer.accessToken, { clock: clock.read });
      expectOutage(await call(app, client, { token }));
      issuer.documents.set(RFC8414, issuer.metadata);
      clock.ms -= 5000;
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    });

    test('known keys outlive a short one: known and new tokens pass', async () => {
      const issuer = await listen();
      const [known, unknown] = [await issuer.issueToken({ client }), await issuer.issueToken({ client })];
      const app = await start(issuer.accessToken);
      expect(await call(app, client, { token: known })).toMatchObject({ status: 200 });
      issuer.outageStatus = 503;
      expect(await call(app, client, { token: known })).toMatchObject({ status: 200 });
      expect(await call(app, client, { token: unknown })).toMatchObject({ status: 200 });
    });

    test('a key that is not known cannot be judged in one: 503, and known keys go on', async () => {
      const clock = new HandClock(Date.now());
      const issuer = await listen();
      const [known, other] = [await issuer.issueToken({ client }), await issuer.issueToken({ client })];
      const app = await start({ ...issuer.accessToken, keysCooldownSeconds: 0 }, { clock: clock.read });
      expect(await call(app, client, { token: known })).toMatchObject({ status: 200 });
      await issuer.rotateKey();
      const renewed = await issuer.issueToken({ client });
      hits = 0;
      issuer.outageStatus = 503;
      expectOutage(await call(app, client, { token: renewed }));
      issuer.outageStatus = undefined;
      // Nobody makes an issuer in trouble be asked over and over; what is signed with keys at hand passes meanwhile.
      expectOutage(await call(app, client, { token: renewed }));
      expect(await call(app, client, { token: known })).toMatchObject({ status: 200 });
      expect(await call(app, client, { token: other })).toMatchObject({ status: 200 });
      clock.ms += 1000;
      expect(await call(app, client, { token: renewed })).toMatchObject({ status: 200 });
    });

    test('keys that have grown old are not used in one', async () => {
      const clock = new HandClock(Date.now());
      const issuer = await listen();
      const token = await issuer.issueToken({ client });
      const app = await start({ ...issuer.accessToken, keysMaxAgeSeconds: 0 }, { clock: clock.read });
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      hits = 0;
      issuer.outageStatus = 500;
      expectOutage(await call(app, client, { token }));
      issuer.outageStatus = undefined;
      clock.advanceSeconds(1);
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    });

    test('of one issuer does not touch the tokens of another (B6)', async () => {
      const [sound, broken] = [await listen(), await listen()];
      broken.outageStatus = 500;
      const app = await start([sound.accessToken, broken.accessToken]);
      expectOutage(await call(app, client, { token: await broken.issueToken({ client }) }));
      expect(await call(app, client, { token: await sound.issueToken({ client }) })).toMatchObject({
        status: 200,
      });
    });
  });

  describe('several issuers (B6)', () => {
    test('each with its own keys and audience', async () => {
      const [first, second] = [await listen(), await listen({ audience: 'second-audience' })];
      const app = await start([first.accessToken, second.accessToken]);
      for (const issuer of [first, second, first]) {
        expect(await call(app, client, { token: await issuer.issueToken({ client }) })).toMatchObject({
          status: 200,
        });
      }
      const crossed = await first.issueToken({ client, claims: { aud: 'second-audience' } });
      expect(await call(app, client, { token: crossed })).toMatchObject({
        status: 401,
        code: 'invalid_token',
      });
    });

    test('a token of one that is signed with the key of another is refused', async () => {
      const [first, second] = [await listen(), await listen()];
      const app = await start([first.accessToken, second.accessToken]);
      for (const [signer, named] of [
        [first, second],
        [second, first],
      ] as const) {
        const token = await signer.issueToken({ client, claims: { iss: named.issuer } });
        const withoutKid = await signer.issueToken({
          client,
          claims: { iss: named.issuer },
          header: { kid: undefined },
        });
        for (const forged of [token, withoutKid]) {
          expect(await call(app, client, { token: forged })).toMatchObject({
            status: 401,
            code: 'invalid_token',
          });
        }
      }
      expect(hits).toBe(0);
    });

    test('a token of none is refused without asking anybody', async () => {
      const issuer = await listenBare();
      const stranger = await TestIssuer.create({ issuer: 'https://stranger.example' });
      issuer.documents.set(RFC8414, issuer.metadata);
      const app = await start(issuer.accessToken);
      // The look at start is over once a token has needed the keys.
      await call(app, client, { token: await sign(issuer, await issuer.addKey()) });
      const asked = issuer.asked.length;
      hits = 0;
      for (const iss of [stranger.issuer, `${issuer.issuer}/`, issuer.issuer.toUpperCase(), undefined, 42]) {
        const token = await stranger.issueToken({ client, claims: { iss } });
        expect(await call(app, client, { token })).toMatchObject({ status: 401, code: 'invalid_token' });
      }
      expect(issuer.asked).toHaveLength(asked);
      expect(hits).toBe(0);
    });

    test('each with its own types and algorithms', async () => {
      const first = await listen();
      const second = await listen({ algorithm: 'PS256' });
      const app = await start([
        { ...first.accessToken, typ: 'JWT' },
        { ...second.accessToken, algorithms: ['PS256'] },
      ]);
      const typed = (issuer: TestIssuer, typ: string) => issuer.issueToken({ client, header: { typ } });
      expect(await call(app, client, { token: await typed(first, 'JWT') })).toMatchObject({ status: 200 });
      expect(await call(app, client, { token: await typed(second, 'at+jwt') })).toMatchObject({
        status: 200,
      });
      expect(await call(app, client, { token: await typed(second, 'application/AT+JWT') })).toMatchObject({
        status: 200,
      });
      expect(await call(app, client, { token: await typed(first, 'at+jwt') })).toMatchObject({ status: 401 });
      expect(await call(app, client, { token: await typed(second, 'JWT') })).toMatchObject({ status: 401 });
      const narrow = await start({ ...first.accessToken, algorithms: ['PS256'] });
      expect(await call(narrow, client, { token: await typed(first, 'at+jwt') })).toMatchObject({
        status: 401,
      });
    });
  });

  describe('rotation (B1)', () => {
    test('a new key is fetched when a token names it', async () => {
      const issuer = await listen();
      const app = await start({ ...issuer.accessToken, keysCooldownSeconds: 0 });
      const before = await issuer.issueToken({ client });
      expect(await call(app, client, { token: before })).toMatchObject({ status: 200 });
      await issuer.rotateKey();
      const after = await issuer.issueToken({ client });
      expect(await call(app, client, { token: after })).toMatchObject({ status: 200 });
      expect(await call(app, client, { token: before })).toMatchObject({ status: 200 });
    });

    test('a removed key is refused once the keys have turned, also for a token that was known', async () => {
      const issuer = await listen();
      const app = await start({ ...issuer.accessToken, keysCooldownSeconds: 0 });
      const before = await issuer.issueToken({ client });
      for (let time = 0; time < 3; time += 1) {
        expect(await call(app, client, { token: before })).toMatchObject({ status: 200 });
      }
      await issuer.rotateKey({ keepOld: false });
      expect(await call(app, client, { token: await issuer.issueToken({ client }) })).toMatchObject({
        status: 200,
      });
      expect(await call(app, client, { token: before })).toMatchObject({
        status: 401,
        code: 'invalid_token',
      });
    });

    test('with keysMaxAgeSeconds: 0 the keys are fetched for each token', async () => {
      const issuer = await listen();
      const app = await start({ ...issuer.accessToken, keysMaxAgeSeconds: 0 });
      const token = await issuer.issueToken({ client });
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      await issuer.rotateKey({ keepOld: false });
      expect(await call(app, client, { token })).toMatchObject({ status: 401, code: 'invalid_token' });
    });
  });

  describe('several keys without kid (B1)', () => {
    test('any of them may have signed; a key of nobody is refused', async () => {
      const issuer = await listenBare();
      const keys = [await issuer.addKey(), await issuer.addKey(), await issuer.addKey()];
      issuer.documents.set(RFC8414, issuer.metadata);
      const app = await start(issuer.accessToken);
      for (const key of keys) {
        expect(await call(app, client, { token: await sign(issuer, key) })).toMatchObject({ status: 200 });
      }
      const { privateKey } = await generateKeyPair('ES256');
      const forged = await sign(issuer, privateKey);
      expect(await call(app, client, { token: forged })).toMatchObject({
        status: 401,
        code: 'invalid_token',
      });
    });

    test('what else is wrong with the token is told all the same', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      await issuer.addKey();
      issuer.documents.set(RFC8414, issuer.metadata);
      const app = await start({ ...issuer.accessToken, audience: 'somebody else' });
      const answer = await call(app, client, { token: await sign(issuer, key) });
      expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
      expect(answer.challenge).toContain('another audience');
    });

    test('keys of other kinds, for encryption, or unreadable stand in nobody’s way', async () => {
      const issuer = await listenBare();
      const key = await issuer.addKey();
      await issuer.addKey({}, 'PS256');
      await issuer.addKey({ use: 'enc' });
      issuer.keys.push({ kty: 'future', x: 'AA' }, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' });
      issuer.documents.set(RFC8414, issuer.metadata);
      const app = await start(issuer.accessToken);
      expect(await call(app, client, { token: await sign(issuer, key) })).toMatchObject({ status: 200 });
    });
  });
});
