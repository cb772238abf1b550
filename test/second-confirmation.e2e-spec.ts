import { once } from 'node:events';
import { connect, constants } from 'node:http2';
import { request as sendHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type Confirmation,
  confirmClientCertificate,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  DpopUnavailableError,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor, UNAVAILABLE } from './support/call.js';
import { CountingStore } from './support/counting-store.js';
import { GuardedController } from './support/guarded.controller.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { OpaqueTokens } from './support/opaque-tokens.js';
import { withOrigin } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';
import { createCertificate, type SelfSignedCertificate } from './support/self-signed-certificate.js';

const clock = new HandClock();
const server = createCertificate('localhost');
const right = createCertificate('client');
const wrong = createCertificate('client');

let issuer: TestIssuer;
let client: TestClient;
let logger: LogCollector;
let store: CountingStore;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(() => {
  GuardedController.runs = 0;
  logger = new LogCollector();
  store = new CountingStore();
});

afterEach(async () => {
  await closeApps();
  await Promise.all(closing.splice(0).map((close) => close()));
});

const moduleOf = (options: Partial<DpopModuleOptions> = {}) =>
  createRootModule({
    dpop: DpopModule.forRoot(
      withOrigin({
        accessToken: issuer.accessToken,
        clock: clock.read,
        storage: { replayStore: store, shared: true },
        ...options,
      }),
    ),
  });

const tokenWith = (cnf: object): Promise<string> =>
  issuer.issueToken({ client, claims: { cnf: { jkt: client.jkt, ...cnf } } });

const assertRefused = (
  answer: { readonly status: number; readonly code: string | undefined; readonly challenge?: string | null },
  reason: string,
): void => {
  expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
  if (answer.challenge !== undefined) expect(answer.challenge).toMatch(/^DPoP error="invalid_token"/);
  expect(logger.text).toContain(`(${reason}`);
  expect([GuardedController.runs, store.claims]).toEqual([0, 0]);
};

const METHODS: readonly (readonly [method: string, value: unknown])[] = [
  ['x5t#S256', right.thumbprint],
  ['x5t#S256', ''],
  ['x5t#S256', null],
  ['jwk', { kty: 'EC' }],
  ['jwe', 'eyJ.a.b.c.d'],
  ['kid', 'key-1'],
  ['jku', 'https://keys.example.com'],
  ['osc', { id: 'x' }],
];

describe.each(PLATFORMS)('a token that is bound to more than the DPoP key, on %s (B11)', (platform) => {
  const start = (options: Partial<DpopModuleOptions> = {}): Promise<RunningApp> =>
    startApp(platform, moduleOf(options), { logger });

  test.each(METHODS)('by %s: %j is refused unless an option says who checks it', async (method, value) => {
    const token = await tokenWith({ [method]: value });
    const app = await start();
    assertRefused(await call(app, client, { token }), `confirmation_unchecked: ${method}`);
    expect(logger.text).toMatch(/set confirmation to a function .*, or to 'jkt-only'/);
    // The same request without this one member passes.
    expect(await call(app, client, { token: await tokenWith({}) })).toMatchObject({ status: 200 });
    expect(logger.text).not.toContain(right.thumbprint);
  });

  test("is accepted by its DPoP key alone with 'jkt-only', and by no other key", async () => {
    const app = await start({ confirmation: 'jkt-only' });
    const token = await tokenWith({ 'x5t#S256': right.thumbprint, kid: 'key-1' });
    expect(await call(app, client, { token })).toMatchObject({ status: 200, body: { jkt: client.jkt } });
    const thief = await TestClient.create({ clock: clock.read });
    expect(await call(app, thief, { token })).toMatchObject({ status: 401, code: 'invalid_token' });
  });

  test('members that are not registered confirm nothing: they are tolerated, and nobody is asked (B2)', async () => {
    let asked = 0;
    const token = await tokenWith({ x5t: right.thumbprint, vendor: { 'x5t#S256': 'x' } });
    for (const options of [{}, { confirmation: () => (asked += 1) > 100 }]) {
      expect(await call(await start(options), client, { token })).toMatchObject({ status: 200 });
    }
    expect(asked).toBe(0);
  });

  test('the function gets cnf, frozen, and the request, once for each request', async () => {
    const asked: (readonly [Confirmation, DpopRequest])[] = [];
    const confirmation = (...parts: [Confirmation, DpopRequest]): boolean => asked.push(parts) > 0;
    const app = await start({ confirmation });
    const cnf = { 'x5t#S256': right.thumbprint, jwk: { kty: 'EC' } };
    const token = await tokenWith(cnf);
    for (const _ of [1, 2]) {
      const headers = { 'x-client-certificate': 'from the proxy' };
      expect(await call(app, client, { token, headers })).toMatchObject({ status: 200 });
    }
    expect(asked.map(([given]) => given)).toEqual([1, 2].map(() => ({ jkt: client.jkt, ...cnf })));
    const [given, request] = asked[1] ?? [];
    expect([given, given?.['jwk']].every(Object.isFrozen)).toBe(true);
    expect(request).toMatchObject({ method: 'GET', target: '/' });
    expect(request?.rawHeaders).toContain('from the proxy');
    // There is no TLS on this connection.
    expect(request?.clientCertificate?.()).toBeUndefined();
  });

  test('the function is not asked before possession is proved, nor about a token as Bearer', async () => {
    let asked = 0;
    const app = await start({ confirmation: () => (asked += 1) > 0, bearer: 'allow-unbound' });
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    const thief = await TestClient.create({ clock: clock.read });
    expect(await call(app, thief, { token })).toMatchObject({ status: 401 });
    const headers = { authorization: `Bearer ${token}` };
    expect(await call(app, client, { headers })).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(asked).toBe(0);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(asked).toBe(1);
  });

  test.each([
    ['false', () => false],
    ['a promise of false', () => Promise.resolve(false)],
  ])('the function that answers %s refuses it', async (_what, confirmation) => {
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    assertRefused(await call(await start({ confirmation }), client, { token }), 'confirmation_mismatch');
  });

  test('a promise of true lets it in', async () => {
    const app = await start({ confirmation: () => Promise.resolve(true) });
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
  });

  test.each<readonly [string, () => unknown]>([
    ['undefined', () => undefined],
    ['a truthy value', () => 'yes'],
    ['a promise of 1', () => Promise.resolve(1)],
    ['a promise that rejects', () => Promise.reject(new Error('secret text'))],
    [
      'nothing, since it throws',
      () => {
        throw new Error('secret text');
      },
    ],
  ])('the function that answers %s is a failure of the service', async (_what, confirmation) => {
    const app = await start({ confirmation: confirmation as () => boolean });
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
    expect(logger.text).toContain('internal_failure; the function of the option confirmation ');
    expect(logger.text).not.toContain('secret text');
    expect([GuardedController.runs, store.claims]).toEqual([0, 0]);
  });

  test('the function may itself say that it cannot tell', async () => {
    const confirmation = (): never => {
      throw new DpopUnavailableError('internal_failure', { retryAfterSeconds: 7 });
    };
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    const answer = await call(await start({ confirmation }), client, { token });
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(answer.headers.get('retry-after')).toBe('7');
  });

  test('the tokens of a verifier of the app are bound to it, too', async () => {
    const claims = { sub: 'user', cnf: { jkt: client.jkt, 'x5t#S256': right.thumbprint } };
    const accessToken = new OpaqueTokens(() => claims);
    const token = 'opaque';
    assertRefused(await call(await start({ accessToken }), client, { token }), 'confirmation_unchecked');
    const app = await start({ accessToken, confirmation: ({ jkt }) => jkt === client.jkt });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    // The object of the app is not frozen on the way.
    expect(Object.isFrozen(claims.cnf)).toBe(false);
  });
});

interface TlsAnswer {
  readonly status: number;
  readonly code: string | undefined;
}

/** Over a connection of its own, so that each request presents its own certificate. */
async function callOverTls(
  port: number,
  token: string,
  certificate: SelfSignedCertificate | undefined,
): Promise<TlsAnswer> {
  const headers = { authorization: `DPoP ${token}`, dpop: await proofFor(client, { token }) };
  const request = sendHttps({
    host: '127.0.0.1',
    port,
    headers,
    agent: false,
    ca: server.cert,
    checkServerIdentity: () => undefined,
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
  });
  request.end();
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  return { status: response.statusCode ?? 0, code: codeIn(await readText(response)) };
}

const codeIn = (body: string): string | undefined => (JSON.parse(body) as { readonly code?: string }).code;

describe.each(PLATFORMS)('the certificate of a client over TLS, on %s (B11)', (platform) => {
  const tls = { cert: server.cert, key: server.key, requestCert: true, rejectUnauthorized: false };

  async function start(options: Partial<DpopModuleOptions>): Promise<number> {
    const nest: INestApplication = await NestFactory.create(moduleOf(options), adapterOf(platform), {
      logger,
      abortOnError: false,
      httpsOptions: tls,
      forceCloseConnections: true,
    });
    await nest.listen(0, '127.0.0.1');
    closing.push(() => nest.close());
    return (nest.getHttpServer() as { address(): AddressInfo }).address().port;
  }

  const adapterOf = (name: Platform) =>
    name === 'express'
      ? new ExpressAdapter()
      : new FastifyAdapter({ https: tls, forceCloseConnections: true });

  test('must be the one that the token is bound to, for each request, cached tokens included', async () => {
    const port = await start({ confirmation: confirmClientCertificate });
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    expect(await callOverTls(port, token, right)).toMatchObject({ status: 200 });
    expect(await callOverTls(port, token, wrong)).toEqual({ status: 401, code: 'invalid_token' });
    expect(await callOverTls(port, token, undefined)).toEqual({ status: 401, code: 'invalid_token' });
    expect(logger.text.match(/confirmation_mismatch/g)).toHaveLength(2);
    expect([GuardedController.runs, store.claims]).toEqual([1, 1]);
    expect(await callOverTls(port, token, right)).toMatchObject({ status: 200 });
  });

  test('is not looked at for a token that is bound to the DPoP key alone', async () => {
    const port = await start({ confirmation: confirmClientCertificate });
    const token = await tokenWith({});
    for (const certificate of [right, wrong, undefined])
      expect(await callOverTls(port, token, certificate)).toMatchObject({ status: 200 });
  });

  test.each<readonly [string, object]>([
    ['with padding', { 'x5t#S256': `${right.thumbprint}=` }],
    ['in hexadecimal', { 'x5t#S256': Buffer.from(right.thumbprint, 'base64url').toString('hex') }],
    ['cut', { 'x5t#S256': right.thumbprint.slice(0, -1) }],
    ['empty', { 'x5t#S256': '' }],
    ['in an array', { 'x5t#S256': [right.thumbprint] }],
    ['beside a key that nobody checks', { 'x5t#S256': right.thumbprint, jwk: { kty: 'EC' } }],
    ['that is missing beside another method', { kid: right.thumbprint }],
  ])('a thumbprint %s is none', async (_what, cnf) => {
    const port = await start({ confirmation: confirmClientCertificate });
    const answer = await callOverTls(port, await tokenWith(cnf), right);
    assertRefused(answer, 'confirmation_mismatch');
  });

  test('without the option even the right certificate does not help', async () => {
    const port = await start({});
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });
    assertRefused(await callOverTls(port, token, right), 'confirmation_unchecked: x5t#S256');
  });
});

describe('the certificate of a client over HTTP/2 (B11)', () => {
  test('is that of the TLS connection below', async () => {
    const tls = { cert: server.cert, key: server.key, requestCert: true, rejectUnauthorized: false };
    const adapter = new FastifyAdapter({ http2: true, https: tls } as never);
    const options = { confirmation: confirmClientCertificate };
    const nest = await NestFactory.create(moduleOf(options), adapter, { logger, abortOnError: false });
    await nest.listen(0, '127.0.0.1');
    closing.push(() => nest.close());
    const { port } = (nest.getHttpServer() as { address(): AddressInfo }).address();
    const token = await tokenWith({ 'x5t#S256': right.thumbprint });

    const statusWith = async (certificate: SelfSignedCertificate): Promise<unknown> => {
      const { cert, key } = certificate;
      const session = connect(`https://127.0.0.1:${port}`, { cert, key, rejectUnauthorized: false });
      const dpop = await proofFor(client, { token });
      const stream = session.request({ ':path': '/', authorization: `DPoP ${token}`, dpop });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      stream.resume();
      await once(stream, 'end');
      session.close();
      return headers[constants.HTTP2_HEADER_STATUS];
    };
    expect(await statusWith(right)).toBe(200);
    expect(await statusWith(wrong)).toBe(401);
    expect(logger.text).toContain('confirmation_mismatch');
  });
});

describe('confirmClientCertificate with the certificate that a proxy vouches for (B11)', () => {
  const cnf = { jkt: 'x', 'x5t#S256': right.thumbprint };

  test('compares the certificate that it is given', () => {
    expect(confirmClientCertificate(cnf, { clientCertificate: () => right.der })).toBe(true);
    expect(confirmClientCertificate(cnf, { clientCertificate: () => wrong.der })).toBe(false);
    expect(confirmClientCertificate(cnf, { clientCertificate: () => undefined })).toBe(false);
    expect(confirmClientCertificate(cnf, {})).toBe(false);
  });

  test('does not ask for it where cnf has no thumbprint', () => {
    const clientCertificate = (): never => {
      throw new Error('asked');
    };
    expect(confirmClientCertificate({ jkt: 'x' }, { clientCertificate })).toBe(false);
  });
});
