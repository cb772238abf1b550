import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPair } from 'jose';
import {
  type AccessTokenOption,
  type DpopDecision,
  DpopModule,
  type DpopModuleOptions,
  type RequirableClaim,
} from 'nestjs-dpop';
import { introspection, type IntrospectionOptions } from 'nestjs-dpop/introspection';
import { TestClient } from 'nestjs-dpop/testing';
import { OPENID, RFC8414 } from './support/bare-issuer.js';
import { type Answer, call, proofFor, send, UNAVAILABLE } from './support/call.js';
import { GuardedController } from './support/guarded.controller.js';
import { HandClock } from './support/hand-clock.js';
import { CLIENT, type Introspect, IntrospectedIssuer, SIGNED_TYPE } from './support/introspected-issuer.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

const token = 'opaque~token-1/+=';
const other = 'opaque~token-2/+=';

describe.each(PLATFORMS)('introspection on %s', (platform) => {
  let clock: HandClock;
  let client: TestClient;
  let issuer: IntrospectedIssuer;
  let logs: LogCollector;
  const issuers: IntrospectedIssuer[] = [];

  beforeEach(async () => {
    clock = new HandClock();
    client = await TestClient.create({ clock: clock.read });
    issuer = await listen();
    logs = new LogCollector();
    GuardedController.runs = 0;
  });

  afterEach(async () => {
    await closeApps();
    await Promise.all(issuers.splice(0).map((listening) => listening.close()));
  });

  async function listen(): Promise<IntrospectedIssuer> {
    const listening = await IntrospectedIssuer.listen(clock, client.jkt);
    issuers.push(listening);
    return listening;
  }

  const introspected = (options: Partial<IntrospectionOptions> = {}) =>
    introspection({ accessToken: issuer.accessToken, client: CLIENT, clock: clock.read, ...options });

  const startWith = (
    accessToken: AccessTokenOption | readonly AccessTokenOption[],
    overrides: Partial<DpopModuleOptions> = {},
  ): Promise<RunningApp> => {
    const options = withOrigin({ accessToken, clock: clock.read, ...overrides });
    return startApp(platform, createRootModule({ dpop: DpopModule.forRoot(options) }), { logger: logs });
  };

  const start = (options: Partial<IntrospectionOptions> = {}): Promise<RunningApp> =>
    startWith(introspected(options));

  async function expectAccepted(app: RunningApp, presented = token): Promise<void> {
    const before = GuardedController.runs;
    expect(await call(app, client, { token: presented })).toMatchObject({
      status: 200,
      body: { jkt: client.jkt },
    });
    expect(GuardedController.runs).toBe(before + 1);
  }

  async function expectRefused(app: RunningApp, reason: string, presented = token): Promise<DpopDecision> {
    const before = GuardedController.runs;
    let answer: Answer | undefined;
    const [decision] = await observeDecisions(async () => {
      answer = await call(app, client, { token: presented });
    });
    expect(answer).toMatchObject({ status: 401, code: 'invalid_token', nonce: null });
    expect(answer?.challenge).toMatch(/^DPoP error="invalid_token"/);
    expect(decision).toMatchObject({ outcome: 'refused', reason });
    expect(GuardedController.runs).toBe(before);
    return decision as DpopDecision;
  }

  async function expectUnavailable(app: RunningApp, advice: string, presented = token): Promise<void> {
    const before = GuardedController.runs;
    const answer = await call(app, client, { token: presented });
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(GuardedController.runs).toBe(before);
    expect(logs.text).toContain('issuer_unavailable');
    expect(logs.text).toContain(advice);
    expectNothingSecret();
  }

  function expectNothingSecret(): void {
    for (const secret of [CLIENT.secret, encodeURIComponent(CLIENT.secret), token, other])
      expect(logs.text).not.toContain(secret);
  }

  /** The endpoint changes after a request that passes, so that nothing but the change is the reason. */
  async function afterAcceptance(
    options: Partial<IntrospectionOptions>,
    change: () => void,
  ): Promise<RunningApp> {
    const app = await start(options);
    await expectAccepted(app);
    change();
    return app;
  }

  describe('what is asked (B7)', () => {
    test('the endpoint of the metadata, with the credentials in the header', async () => {
      const app = await start();
      await expectAccepted(app);
      const [question] = issuer.questions;
      const [, credentials = ''] = question?.headers.authorization?.split(' ') ?? [];
      const parts = Buffer.from(credentials, 'base64')
        .toString()
        .split(':')
        .map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
      expect(parts).toEqual([CLIENT.id, CLIENT.secret]);
      expect(question?.headers.accept).toBe('application/json');
      expect(Object.fromEntries(question?.body ?? [])).toEqual({
        token,
        token_type_hint: 'access_token',
      });
    });

    test('a given endpoint, with the credentials in the body', async () => {
      issuer.bare.documents.delete(RFC8414);
      const app = await start({
        endpoint: `${issuer.issuer}/introspect`,
        client: { ...CLIENT, method: 'client_secret_post' },
      });
      await expectAccepted(app);
      expect(issuer.questions[0]?.headers.authorization).toBeUndefined();
      expect(Object.fromEntries(issuer.questions[0]?.body ?? [])).toMatchObject({
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
      });
      expect(issuer.bare.asked).not.toContain(OPENID);
    });

    test('by the fetch of the app, metadata included', async () => {
      const fetched: string[] = [];
      const ownFetch = (url: string, init: RequestInit) => {
        fetched.push(`${init.method ?? 'GET'} ${new URL(url).pathname} ${init.redirect}`);
        return fetch(url, init);
      };
      const app = await start({ accessToken: { ...issuer.accessToken, fetch: ownFetch } });
      await expectAccepted(app);
      expect(fetched).toEqual([`GET ${RFC8414} manual`, 'POST /introspect manual']);
    });

    test('the rights are read by the reader of the issuer, and the claims are frozen', async () => {
      const verifier = introspected({
        accessToken: {
          ...issuer.accessToken,
          readRights: (claims) => ({
            scopes: [],
            roles: [String(claims.sub)],
            clientRoles: {},
            permissions: [],
            clientId: 'read',
          }),
        },
      });
      const request = { method: 'GET', target: '/', rawHeaders: [] };
      const claims = await verifier.verify(token, 'ath', request);
      expect(Object.isFrozen(claims) && Object.isFrozen(claims.cnf)).toBe(true);
      const app = await startWith(verifier);
      const [decision] = await observeDecisions(() => call(app, client, { token }));
      expect(decision).toMatchObject({ outcome: 'accepted', clientId: 'read' });
    });
  });

  describe('what the response must say (B7)', () => {
    const refused: readonly (readonly [string, string, (active: object) => object])[] = [
      ['active false', 'token_inactive', () => ({ active: false })],
      ['active false, with everything else', 'token_inactive', (active) => ({ ...active, active: false })],
      ['no cnf', 'token_unbound', ({ ...active }) => ({ ...active, cnf: undefined, token_type: undefined })],
      ['no cnf, although its type is DPoP', 'token_unbound', (active) => ({ ...active, cnf: undefined })],
      [
        'cnf only of an actor',
        'token_unbound',
        (active) => ({ ...active, cnf: undefined, act: { cnf: (active as { cnf: unknown }).cnf } }),
      ],
      ['the key of another client', 'key_binding', (active) => ({ ...active, cnf: { jkt: 'A'.repeat(43) } })],
      ['token_type Bearer', 'token_type', (active) => ({ ...active, token_type: 'Bearer' })],
      ['token_type null', 'token_type', (active) => ({ ...active, token_type: null })],
      ['a foreign iss', 'token_issuer', (active) => ({ ...active, iss: 'https://other.example.com' })],
      ['an iss that is no string', 'token_issuer', (active) => ({ ...active, iss: 42 })],
      ['a foreign aud', 'token_audience', (active) => ({ ...active, aud: ['https://other.example.com'] })],
      ['no aud', 'token_audience', (active) => ({ ...active, aud: undefined })],
      ['aud null', 'token_audience', (active) => ({ ...active, aud: null })],
      ['exp over', 'token_expired', (active) => ({ ...active, exp: clock.ms / 1000 - 10 })],
      ['nbf to come', 'token_not_yet_valid', (active) => ({ ...active, nbf: clock.ms / 1000 + 11 })],
      ['iat to come', 'token_not_yet_valid', (active) => ({ ...active, iat: clock.ms / 1000 + 11 })],
    ];

    test.each(refused)('%s: refused', async (_what, reason, change) => {
      const app = await afterAcceptance({}, () => (issuer.response = change(issuer.active)));
      await expectRefused(app, reason);
      issuer.response = issuer.active;
      await expectAccepted(app);
    });

    const accepted: readonly (readonly [string, (active: object) => object])[] = [
      ['no iss', (active) => ({ ...active, iss: undefined })],
      ['no token_type', (active) => ({ ...active, token_type: undefined })],
      ['token_type in other letters', (active) => ({ ...active, token_type: 'dpop' })],
      ['no times', (active) => ({ ...active, exp: undefined, iat: undefined })],
      ['several audiences', (active) => ({ ...active, aud: ['a', 'https://api.test'] })],
      [
        'times within the tolerance',
        (active) => ({ ...active, exp: clock.ms / 1000 - 9, nbf: clock.ms / 1000 + 10 }),
      ],
      ['more in cnf', (active) => ({ ...active, cnf: { jkt: client.jkt, x: 1 } })],
    ];

    test.each(accepted)('%s: accepted', async (_what, change) => {
      issuer.response = change(issuer.active);
      await expectAccepted(await start());
    });

    test.each<readonly [RequirableClaim, object]>([
      ['sub', { sub: undefined }],
      ['client_id', { client_id: 42 }],
      ['iat', { iat: undefined }],
      ['exp', { exp: undefined }],
      ['jti', {}],
    ])('a required claim that it lacks, %s: refused', async (claim, changes) => {
      const complete = { ...issuer.active, jti: 'id' };
      issuer.response = complete;
      const app = await start({ accessToken: { ...issuer.accessToken, requiredClaims: [claim] } });
      await expectAccepted(app);
      issuer.response = { ...(claim === 'jti' ? issuer.active : complete), ...changes };
      expect(await expectRefused(app, 'token_invalid')).toMatchObject({ detail: claim });
    });

    test('a required iss may be that of the issuer that was asked', async () => {
      issuer.response = { ...issuer.active, iss: undefined };
      await expectAccepted(await start({ accessToken: { ...issuer.accessToken, requiredClaims: ['iss'] } }));
    });

    test('an absent iss is that of the issuer that was asked', async () => {
      issuer.response = { ...issuer.active, iss: undefined };
      const app = await start();
      const [decision] = await observeDecisions(() => call(app, client, { token }));
      expect(decision).toMatchObject({ outcome: 'accepted', issuer: issuer.issuer });
    });

    test('an absent aud is accepted by option only, and a foreign one never', async () => {
      const app = await start({ absentAudience: 'accept' });
      issuer.response = { ...issuer.active, aud: undefined };
      await expectAccepted(app);
      issuer.response = { ...issuer.active, aud: 'https://other.example.com' };
      await expectRefused(app, 'token_audience');
    });

    test('as Bearer, an unbound token passes where that is allowed, and a bound one never (B4, B5)', async () => {
      const app = await startWith(introspected(), { bearer: 'allow-unbound' });
      const asBearer = () => send(`${app.url}/`, { headers: { authorization: `Bearer ${token}` } });
      issuer.response = { ...issuer.active, cnf: undefined, token_type: 'Bearer' };
      expect(await asBearer()).toMatchObject({ status: 200 });
      for (const response of [
        issuer.active,
        { ...issuer.active, token_type: 'Bearer' },
        { ...issuer.active, token_type: undefined },
        { ...issuer.active, cnf: undefined },
        { ...issuer.active, cnf: { 'x5t#S256': 'A' }, token_type: 'Bearer' },
      ]) {
        issuer.response = response;
        expect(await asBearer()).toMatchObject({ status: 401, code: 'invalid_token' });
      }
      expect(GuardedController.runs).toBe(1);
    });
  });

  describe('a response that cannot be trusted is a failure of the service (B7, B8)', () => {
    const json =
      (body: unknown, status = 200): Introspect =>
      (response) =>
        issuer.sendJson(response, body, status);
    const typed = (contentType: string | undefined): Introspect =>
      function answer(response) {
        response.writeHead(200, contentType === undefined ? {} : { 'content-type': contentType });
        response.end(JSON.stringify(issuer.active));
      };
    const cannotBeUsed = 'cannot be used: http://127.0.0.1:';
    const noResponse = 'it answered with no introspection response';
    const hostile: readonly (readonly [string, string, (active: object) => Introspect])[] = [
      ['active "true"', noResponse, (active) => json({ ...active, active: 'true' })],
      ['active 1', noResponse, (active) => json({ ...active, active: 1 })],
      ['no active', noResponse, (active) => json({ ...active, active: undefined })],
      ['an array', noResponse, (active) => json([active])],
      ['null', noResponse, () => json('null')],
      ['no JSON', 'not JSON', () => json('active=true')],
      ['nothing', 'not JSON', () => json('')],
      [
        'an exp that is a string',
        'an exp that is no number',
        (active) => json({ ...active, exp: '9999999999' }),
      ],
      [
        'an infinite exp',
        'an exp that is no number',
        (active) => json(JSON.stringify({ ...active, exp: 0 }).replace('"exp":0', '"exp":1e999')),
      ],
      ['HTML', 'Content-Type', () => typed('text/html')],
      ['no Content-Type', 'Content-Type', () => typed(undefined)],
      ['a signed type that was not asked for', 'Content-Type', () => typed(SIGNED_TYPE)],
      ['2 MiB', 'larger than 1 MiB', () => json(JSON.stringify({ padding: 'x'.repeat(2 * 1024 ** 2) }))],
      [
        '401',
        'does not accept the credentials of this service',
        () => json({ error: 'invalid_client' }, 401),
      ],
      ['403', 'does not let this client introspect', () => json({}, 403)],
      ['404', 'correct endpoint', () => json({}, 404)],
      ['429', 'raise cacheSeconds', () => json({}, 429)],
      ['500', 'status 500', () => json({ active: true }, 500)],
      ['204', 'status 204', () => (response) => void response.writeHead(204).end()],
      ['400', '(status 400, invalid_client)', () => json({ error: 'invalid_client' }, 400)],
      ['400 with words of its own', '(status 400)', () => json({ error: 'FORGED\nLINE' }, 400)],
      [
        'a redirect',
        'status 302',
        () => (response) => void response.writeHead(302, { location: '/other' }).end(),
      ],
      ['a connection that ends', 'cannot be reached', () => (response) => void response.socket?.destroy()],
    ];

    test.each(hostile)('%s', async (_what, advice, behaviour) => {
      const app = await afterAcceptance({}, () => (issuer.introspect = behaviour(issuer.active)));
      issuer.bare.documents.set('/other', issuer.active);
      await expectUnavailable(app, advice);
      expect(logs.text).toContain(cannotBeUsed);
      expect(logs.text).not.toContain('FORGED');
      expect(issuer.bare.asked).not.toContain('/other');
    });

    const late: readonly (readonly [string, Introspect])[] = [
      ['does not answer', () => undefined],
      [
        'does not end its body',
        (response) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write('{"active":true');
        },
      ],
    ];

    test.each(late)('an endpoint that %s in time', async (_what, behaviour) => {
      issuer.introspect = behaviour;
      const app = await start({ timeoutMs: 50, endpoint: `${issuer.issuer}/introspect` });
      await expectUnavailable(app, 'no answer within timeoutMs, 50 ms');
    });

    test('a token of a form that the endpoint does not take is refused, and the operator is told why', async () => {
      const app = await afterAcceptance({}, () => {
        issuer.introspect = json({ error: 'unsupported_token_type' }, 400);
      });
      await expectRefused(app, 'token_invalid');
      expect(logs.text).toContain('does not introspect tokens of this form');
    });

    test('metadata without the endpoint, until it has one', async () => {
      issuer.bare.documents.set(RFC8414, issuer.bare.metadata);
      const app = await start();
      await expectUnavailable(app, 'it has no introspection_endpoint');
      clock.advanceSeconds(1);
      issuer.bare.documents.set(RFC8414, {
        ...issuer.bare.metadata,
        introspection_endpoint: `${issuer.issuer}/introspect`,
      });
      await expectAccepted(app);
    });

    test('a warning at start says what is wrong with the endpoint', async () => {
      issuer.bare.documents.set(RFC8414, issuer.bare.metadata);
      await start();
      while (!logs.text.includes('503')) await new Promise((resolve) => setImmediate(resolve));
      expect(logs.text).toContain('set endpoint');
    });
  });

  describe('signed responses (B7)', () => {
    beforeEach(() => {
      issuer.introspect = (response) => issuer.sendSigned(response);
    });

    test('are asked for and accepted, for the client or for the audience', async () => {
      const app = await start({ signedResponses: true });
      await expectAccepted(app);
      expect(issuer.questions[0]?.headers.accept).toBe(SIGNED_TYPE);
      issuer.introspect = (response) =>
        issuer.sendSigned(response, { claims: { aud: ['x', 'https://api.test'] } });
      await expectAccepted(app);
      issuer.response = { active: false };
      await expectRefused(app, 'token_inactive');
    });

    type Signing = Parameters<IntrospectedIssuer['sendSigned']>[1];
    const now = () => Math.floor(clock.ms / 1000);
    const untrusted: readonly (readonly [string, string, () => Signing | Promise<Signing>])[] = [
      [
        'signed by another key',
        'not signed by a key of the issuer',
        async () => ({ key: (await generateKeyPair('ES256')).privateKey }),
      ],
      ['of an unknown kid', 'issuer_unavailable', () => ({ header: { kid: 'two' } })],
      ['of another type', 'of the type token-introspection+jwt', () => ({ header: { typ: 'JWT' } })],
      ['of the type of access tokens', 'of the type', () => ({ header: { typ: 'at+jwt' } })],
      ['without a type', 'of the type', () => ({ header: { typ: undefined } })],
      ['for another aud', 'is for another aud', () => ({ claims: { aud: 'another api' } })],
      ['without aud', noIntrospection(), () => ({ claims: { aud: undefined } })],
      ['of another iss', 'has another iss', () => ({ claims: { iss: 'https://other.example.com' } })],
      ['without iss', noIntrospection(), () => ({ claims: { iss: undefined } })],
      ['without iat', noIntrospection(), () => ({ claims: { iat: undefined } })],
      ['of long ago', 'not issued just now', () => ({ claims: { iat: now() - 71 } })],
      ['of the future', 'not issued just now', () => ({ claims: { iat: now() + 11 } })],
      ['that has expired', 'has expired', () => ({ claims: { exp: now() - 11 } })],
      ['without its claim', noIntrospection(), () => ({ claims: { token_introspection: undefined } })],
      [
        'whose claim is a string',
        noIntrospection(),
        () => ({ claims: { token_introspection: '{"active":true}' } }),
      ],
      ['with a critical extension', 'critical extension', () => ({ header: { crit: ['b64'], b64: true } })],
    ];

    function noIntrospection(): string {
      return 'it answered with no introspection response';
    }

    test.each(untrusted)('one %s is not trusted', async (_what, advice, signing) => {
      const app = await afterAcceptance({ signedResponses: true }, () => {
        issuer.introspect = async (response) => issuer.sendSigned(response, await signing());
      });
      await expectUnavailable(app, advice);
    });

    const sent =
      (body: (active: object) => string, type = SIGNED_TYPE) =>
      (response: ServerResponse): void => {
        response.writeHead(200, { 'content-type': type });
        response.end(
          body({ iss: issuer.issuer, aud: CLIENT.id, iat: now(), token_introspection: issuer.active }),
        );
      };
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const raw: readonly (readonly [string, string, Introspect])[] = [
      [
        'alg none',
        noIntrospection(),
        sent((claims) => `${encode({ alg: 'none', typ: 'token-introspection+jwt' })}.${encode(claims)}.`),
      ],
      [
        'alg none with a signature',
        noIntrospection(),
        sent((claims) => `${encode({ alg: 'none', typ: 'token-introspection+jwt' })}.${encode(claims)}.AAAA`),
      ],
      [
        'alg HS256',
        noIntrospection(),
        sent(
          (claims) => `${encode({ alg: 'HS256', typ: 'token-introspection+jwt' })}.${encode(claims)}.AAAA`,
        ),
      ],
      ['encrypted', 'is encrypted', sent(() => 'a.b.c.d.e')],
      ['JSON of the signed type', 'its signed response', sent(() => JSON.stringify(issuer.active))],
      ['plain JSON', 'its response is not signed', (response) => issuer.sendJson(response, issuer.active)],
      ['an empty body', noIntrospection(), sent(() => '')],
    ];

    test.each(raw)('%s is not trusted', async (_what, advice, behaviour) => {
      const app = await afterAcceptance({ signedResponses: true }, () => (issuer.introspect = behaviour));
      await expectUnavailable(app, advice);
    });
  });

  describe('the cache (B7)', () => {
    test('by default every request asks the issuer', async () => {
      const app = await start();
      await expectAccepted(app);
      await expectAccepted(app);
      expect(issuer.count).toBe(2);
      issuer.response = { active: false };
      await expectRefused(app, 'token_inactive');
    });

    test('keeps a token for cacheSeconds from the question on, however often it is used', async () => {
      const app = await start({ cacheSeconds: 5 });
      await expectAccepted(app);
      issuer.response = { active: false };
      for (let second = 0; second < 4; second += 1) {
        clock.advanceSeconds(1);
        await expectAccepted(app);
      }
      clock.ms += 999;
      await expectAccepted(app);
      expect(issuer.count).toBe(1);
      clock.ms += 1;
      await expectRefused(app, 'token_inactive');
    });

    test('keeps no token beyond its exp', async () => {
      issuer.response = { ...issuer.active, exp: clock.ms / 1000 + 3 };
      const app = await start({ cacheSeconds: 60 });
      await expectAccepted(app);
      clock.ms += 2999;
      await expectAccepted(app);
      expect(issuer.count).toBe(1);
      clock.ms += 1;
      await expectAccepted(app);
      expect(issuer.count).toBe(2);
    });

    test('ends with a clock that is set back', async () => {
      const app = await start({ cacheSeconds: 60 });
      await expectAccepted(app);
      clock.advanceSeconds(-1);
      await expectAccepted(app);
      expect(issuer.count).toBe(2);
    });

    test('is filled by accepted requests only', async () => {
      const app = await start({ cacheSeconds: 60 });
      const thief = await TestClient.create({ clock: clock.read });
      for (let attempt = 0; attempt < 2; attempt += 1)
        expect(await call(app, thief, { token })).toMatchObject({ status: 401 });
      const proof = await proofFor(client, { token });
      expect(await call(app, client, { token, proof, path: '/?other' })).toMatchObject({ status: 200 });
      expect(issuer.count).toBe(3);
      expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
      expect(issuer.count).toBe(3);
    });

    test('has a limit', async () => {
      const app = await start({ cacheSeconds: 60, maxCachedTokens: 1 });
      for (const presented of [token, other, other, token]) await expectAccepted(app, presented);
      expect(issuer.count).toBe(3);
    });

    test('serves during an outage what it has', async () => {
      const app = await start({ cacheSeconds: 60 });
      await expectAccepted(app);
      issuer.introspect = (response) => issuer.sendJson(response, {}, 500);
      await expectUnavailable(app, 'status 500', other);
      await expectAccepted(app);
    });
  });

  describe('requests in flight (B7, B8)', () => {
    /** Holds the answers back until the test lets them go. */
    function hold(): { readonly held: ServerResponse[]; arrived(count: number): Promise<void> } {
      const held: ServerResponse[] = [];
      issuer.introspect = (response) => void held.push(response);
      const arrived = async (count: number) => {
        while (held.length < count) await new Promise((resolve) => setImmediate(resolve));
      };
      return { held, arrived };
    }

    /** Both requests have reached the verifier, which then knows of both. */
    function countingVerifier() {
      const verifier = introspected();
      const verify = verifier.verify.bind(verifier);
      const calls: string[] = [];
      verifier.verify = (...parameters) => {
        calls.push(parameters[1]);
        return verify(...parameters);
      };
      const called = async (count: number) => {
        while (calls.length < count) await new Promise((resolve) => setImmediate(resolve));
      };
      return { verifier, called };
    }

    test('equal tokens share one question, different ones do not', async () => {
      const { verifier, called } = countingVerifier();
      const app = await startWith(verifier);
      const { held, arrived } = hold();
      const answers = [token, token, other, token].map((presented) =>
        call(app, client, { token: presented }),
      );
      await called(4);
      await arrived(2);
      for (const response of held) issuer.sendJson(response, issuer.active);
      for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
      const asked = issuer.questions.map(({ body }) => body.get('token'));
      expect(asked).toHaveLength(2);
      expect(new Set(asked)).toEqual(new Set([token, other]));
    });

    test('a failure is shared by those in flight, and by no later one', async () => {
      const { verifier, called } = countingVerifier();
      const app = await startWith(verifier);
      const { held, arrived } = hold();
      const answers = [token, token].map((presented) => call(app, client, { token: presented }));
      await called(2);
      await arrived(1);
      for (const response of held) issuer.sendJson(response, 'no JSON');
      for (const answer of await Promise.all(answers)) expect(answer).toMatchObject(UNAVAILABLE);
      issuer.introspect = (response) => issuer.sendJson(response, issuer.active);
      await expectAccepted(app);
      expect(issuer.count).toBe(2);
    });

    test('after an outage the issuer is not asked for a second', async () => {
      const app = await start();
      issuer.introspect = (response) => issuer.sendJson(response, {}, 500);
      await expectUnavailable(app, 'status 500');
      issuer.introspect = (response) => issuer.sendJson(response, issuer.active);
      clock.ms += 999;
      await expectUnavailable(app, 'the last request failed less than 1 s ago', other);
      expect(issuer.count).toBe(1);
      clock.ms += 1;
      await expectAccepted(app);
    });

    test('one token that the issuer cannot handle does not stop the others', async () => {
      const { verifier, called } = countingVerifier();
      const app = await startWith(verifier);
      const { held, arrived } = hold();
      const broken = call(app, client, { token: other });
      await called(1);
      await arrived(1);
      issuer.introspect = (response) => issuer.sendJson(response, issuer.active);
      await expectAccepted(app);
      for (const response of held) issuer.sendJson(response, {}, 500);
      expect(await broken).toMatchObject(UNAVAILABLE);
      await expectAccepted(app);
    });
  });

  describe('JWTs by signature and introspection together (B1, B7)', () => {
    const startBoth = (options: Partial<IntrospectionOptions> = {}): Promise<RunningApp> =>
      startWith(introspected({ verifySignature: true, ...options }));

    test('both must accept the token, and a forged one costs no question', async () => {
      const app = await startBoth();
      const jwt = await issuer.signToken();
      await expectAccepted(app, jwt);
      const forged = await issuer.signToken({}, (await generateKeyPair('ES256')).privateKey);
      await expectRefused(app, 'token_invalid', forged);
      await expectRefused(app, 'token_audience', await issuer.signToken({ aud: 'other' }));
      expect(issuer.count).toBe(1);
      issuer.response = { active: false };
      await expectRefused(app, 'token_inactive', jwt);
      expect(await call(app, client, { token })).toMatchObject({ status: 401 });
      expect(issuer.count).toBe(2);
    });

    test('the token or the response may have a required claim', async () => {
      const accessToken = { ...issuer.accessToken, requiredClaims: ['sub'] as const };
      issuer.response = { active: true };
      const app = await startBoth({ accessToken });
      await expectAccepted(app, await issuer.signToken());
      await expectRefused(app, 'token_invalid', await issuer.signToken({ sub: undefined }));
    });

    test('the response may be short, adds claims, and overrides none', async () => {
      issuer.response = { active: true, username: 'name', sub: 'forged', scope: 'admin' };
      const verifier = introspected({ verifySignature: true });
      const request = { method: 'GET', target: '/', rawHeaders: [] };
      expect(await verifier.verify(await issuer.signToken(), 'ath', request)).toMatchObject({
        sub: 'user',
        scope: 'read write',
        username: 'name',
        cnf: { jkt: client.jkt },
      });
    });

    test.each([
      ['a foreign iss', 'token_issuer', { iss: 'https://other.example.com' }],
      ['a foreign aud', 'token_audience', { aud: 'other' }],
      ['an exp that is over', 'token_expired', { exp: 1 }],
      ['another type', 'token_type', { token_type: 'Bearer' }],
    ])('a response with %s refuses it', async (_what, reason, changes) => {
      const app = await startBoth();
      const jwt = await issuer.signToken();
      await expectAccepted(app, jwt);
      issuer.response = { ...issuer.active, ...changes };
      await expectRefused(app, reason, jwt);
    });

    test('a response with another key than the token is not trusted', async () => {
      const app = await startBoth();
      issuer.response = { ...issuer.active, cnf: { jkt: 'A'.repeat(43) } };
      await expectUnavailable(app, 'names another key', await issuer.signToken());
    });

    test('a cached token ends with the key that signed it', async () => {
      const app = await startBoth({
        cacheSeconds: 3600,
        accessToken: { ...issuer.accessToken, keysMaxAgeSeconds: 60 },
      });
      const jwt = await issuer.signToken();
      await expectAccepted(app, jwt);
      await expectAccepted(app, jwt);
      const before = issuer.count;
      await expectAccepted(app, jwt);
      expect(issuer.count).toBe(before);
      issuer.bare.keys.length = 0;
      clock.advanceSeconds(60);
      await expectRefused(app, 'token_invalid', jwt);
    });
  });

  describe('beside other issuers (B6)', () => {
    test('each token goes to the issuer that it names, and an opaque one to the only taker', async () => {
      const second = await listen();
      const plain = await listen();
      const app = await startWith([
        introspected(),
        introspection({
          accessToken: second.accessToken,
          client: CLIENT,
          clock: clock.read,
          opaqueTokens: false,
        }),
        plain.accessToken,
      ]);
      await expectAccepted(app, await plain.signToken());
      expect([issuer.count, second.count, plain.count]).toEqual([0, 0, 0]);
      await expectAccepted(app, await second.signToken());
      expect([issuer.count, second.count, plain.count]).toEqual([0, 1, 0]);
      await expectAccepted(app);
      expect([issuer.count, second.count, plain.count]).toEqual([1, 1, 0]);
      await expectAccepted(app, await issuer.signToken());
      expect([issuer.count, second.count, plain.count]).toEqual([2, 1, 0]);
    });

    test('no issuer is asked about the token of another one', async () => {
      const app = await start();
      const stranger = await issuer.signToken({ iss: 'https://stranger.example.com' });
      await expectAccepted(app, await issuer.signToken());
      const { expected } = await expectRefused(app, 'token_issuer', stranger);
      expect(expected).toEqual([issuer.issuer]);
      expect(issuer.count).toBe(1);
    });

    test('an adviser of the issuer explains its tokens', async () => {
      const seen: string[] = [];
      const app = await start({
        accessToken: {
          ...issuer.accessToken,
          advise: ({ reason, segments }) => {
            seen.push(`${reason} ${segments}`);
            return 'a sentence of the app';
          },
        },
      });
      issuer.response = { active: false };
      await expectRefused(app, 'token_inactive', 'opaque');
      expect(seen).toEqual(['token_inactive 1']);
      expect(logs.text).toContain('a sentence of the app');
    });
  });
});
