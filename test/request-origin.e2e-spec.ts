import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Get, type INestApplication, UseGuards, Version, VersioningType } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DpopBound, DpopGuard, DpopModule, type DpopModuleOptions, type DpopRequest } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, type Call, proofFor } from './support/call.js';
import { ORIGIN, withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

beforeEach(() => {
  hits = 0;
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

@Controller()
class EchoController {
  @UseGuards(DpopGuard)
  @Get('accounts/:id')
  read(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @UseGuards(DpopGuard)
  @Version('2')
  @Get('accounts')
  second(@DpopBound() jkt: string): string {
    return jkt;
  }
}

describe.each(PLATFORMS)('where a request came to, on %s (C9o)', (platform) => {
  const start = (changes: Partial<DpopModuleOptions> = {}, how: StartOptions = {}) =>
    startApp(
      platform,
      createRootModule({ dpop: DpopModule.forRoot(options(changes)), controllers: [EchoController] }),
      how,
    );

  const get = (app: RunningApp, path: string, parts: Call = {}): Promise<Answer> =>
    call(app, client, { token, path, ...parts });

  const expectWrongHtu = (answer: Answer): void =>
    expect(answer).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });

  test('a global prefix and a version in the path are part of what is signed', async () => {
    const app = await start(
      {},
      {
        before: (nest) => {
          nest.setGlobalPrefix('api');
          nest.enableVersioning({ type: VersioningType.URI });
        },
      },
    );
    expect(await get(app, '/api/v2/accounts')).toMatchObject({ status: 200 });
    const proof = await proofFor(client, { path: '/accounts', token });
    expectWrongHtu(await get(app, '/api/v2/accounts', { proof }));
  });

  test('a version in a header is not', async () => {
    const app = await start(
      {},
      {
        before: (nest) => nest.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
      },
    );
    expect(await get(app, '/accounts', { headers: { 'x-version': '2' } })).toMatchObject({ status: 200 });
  });

  test('the path prefix of a proxy that strips it stands in the origin', async () => {
    for (const origin of [`${ORIGIN}/shop/v1`, `${ORIGIN}/shop/v1/`]) {
      const app = await start({ origin });
      expect(await get(app, '/accounts/7', { origin: `${ORIGIN}/shop/v1` })).toMatchObject({ status: 200 });
      expectWrongHtu(await get(app, '/accounts/7'));
      expectWrongHtu(await get(app, '/accounts/7', { origin: `${ORIGIN}/shop` }));
    }
  });

  test('each of several origins is accepted, no other is', async () => {
    const app = await start({ origin: [ORIGIN, 'https://api.example.org:8443', 'http://localhost:3000/x'] });
    for (const origin of [ORIGIN, 'https://api.example.org:8443', 'http://localhost:3000/x']) {
      expect(await get(app, '/accounts/7', { origin })).toMatchObject({ status: 200 });
    }
    for (const origin of ['https://api.example.org', 'http://localhost:3000', 'http://api.example.com']) {
      expectWrongHtu(await get(app, '/accounts/7', { origin }));
    }
  });

  test('the address that a request came to is nothing against the origin configured', async () => {
    const app = await start();
    expectWrongHtu(await get(app, '/accounts/7', { origin: app.url }));
  });

  test('a function tells the origin of each request', async () => {
    const seen: DpopRequest[] = [];
    const app = await start({
      origin: (request) => {
        seen.push(request);
        const at = request.rawHeaders.findIndex((name) => name.toLowerCase() === 'x-tenant');
        return `https://${request.rawHeaders[at + 1]}.example.com`;
      },
    });
    const headers = { 'x-tenant': 'acme' };
    expect(await get(app, '/accounts/7?x=y', { headers, origin: 'https://acme.example.com' })).toMatchObject({
      status: 200,
    });
    expectWrongHtu(await get(app, '/accounts/7', { headers, origin: 'https://other.example.com' }));
    expect(seen[0]).toMatchObject({ method: 'GET', target: '/accounts/7?x=y' });
  });

  const nonsense: readonly (readonly [string, () => unknown])[] = [
    ['http:', () => 'http://api.example.com'],
    ['nothing', () => undefined],
    ['a path', () => '/v1'],
    ['an object', () => new URL(ORIGIN)],
    ['userinfo', () => 'https://user@api.example.com'],
    ['a promise', () => Promise.resolve(ORIGIN)],
  ];

  test.each(nonsense)('a function that returns %s is 503 (D8)', async (_name, origin) => {
    const app = await start({ origin: origin as () => string });
    expect(await get(app, '/accounts/7')).toMatchObject({ status: 503, challenge: null });
    expect(hits).toBe(0);
  });

  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example.com' };

  test("'request': X-Forwarded-* are ignored unless the framework trusts the proxy", async () => {
    const app = await start({ origin: 'request' });
    expectWrongHtu(await get(app, '/accounts/7', { headers: forwarded }));
    expectWrongHtu(
      await get(app, '/accounts/7', { headers: { ...forwarded, forwarded: 'host=api.example.com' } }),
    );
    expect(await get(app, '/accounts/7', { headers: forwarded, origin: app.url })).toMatchObject({
      status: 200,
    });
  });

  test("'request': behind a proxy that the framework trusts they are what was signed", async () => {
    const adapter = platform === 'fastify' ? new FastifyAdapter({ trustProxy: true }) : new ExpressAdapter();
    const app = await start(
      { origin: 'request' },
      {
        adapter,
        before: (nest) => {
          if (platform === 'express') (nest as NestExpressApplication).set('trust proxy', true);
        },
      },
    );
    expect(await get(app, '/accounts/7', { headers: forwarded })).toMatchObject({ status: 200 });
    expectWrongHtu(await get(app, '/accounts/7', { headers: forwarded, origin: app.url }));
    const plain = { ...forwarded, 'x-forwarded-proto': 'http' };
    expect(await get(app, '/accounts/7', { headers: plain, origin: 'http://api.example.com' })).toMatchObject(
      {
        status: 400,
        code: 'invalid_request',
      },
    );
    const spoiled = { ...forwarded, 'x-forwarded-host': 'api.example.com/x?' };
    expect(await get(app, '/accounts/7', { headers: spoiled })).toMatchObject({ status: 400 });
  });

  test("'request': a Host beyond loopback is not served over http (A1)", async () => {
    const app = await start({ origin: 'request' });
    const insecure = await start({ origin: 'request', allowInsecureHttp: true });
    const at = async (target: RunningApp) => {
      const origin = 'http://api.example.com';
      const proof = await proofFor(client, { path: '/accounts/7', token, origin });
      const headers = { host: 'api.example.com', authorization: `DPoP ${token}`, dpop: proof };
      return await statusOf(`${target.url}/accounts/7`, headers);
    };
    expect(await at(app)).toBe(400);
    expect(await at(insecure)).toBe(200);
  });

  test('HEAD is not GET, although the same handler answers (C8)', async () => {
    const app = await start();
    const head = await proofFor(client, { method: 'HEAD', path: '/accounts/7', token });
    const got = await proofFor(client, { path: '/accounts/7', token });
    expectWrongHtu(await get(app, '/accounts/7', { proof: head }));
    expect((await get(app, '/accounts/7', { method: 'HEAD', proof: got })).status).toBe(401);
    expect((await get(app, '/accounts/7', { method: 'HEAD', proof: head })).status).toBe(200);
  });

  test('a rewritten url is not what was signed: what came over the wire is', async () => {
    const rewrite = (url: string) => url.replace(/^\/public/, '');
    const adapter =
      platform === 'fastify'
        ? new FastifyAdapter({ rewriteUrl: ({ url = '/' }) => rewrite(url) })
        : new ExpressAdapter();
    const app = await start(
      {},
      {
        adapter,
        before: (nest) => {
          if (platform === 'fastify') return;
          nest.use((request: { url: string }, _response: unknown, next: () => void) => {
            request.url = rewrite(request.url);
            next();
          });
        },
      },
    );
    expect(await get(app, '/public/accounts/7')).toMatchObject({ status: 200 });
    const inner = await proofFor(client, { path: '/accounts/7', token });
    expectWrongHtu(await get(app, '/public/accounts/7', { proof: inner }));
  });

  test('what middleware keeps at `raw`, the octets of a body for example, is not taken for the request', async () => {
    const keep = (request: object, _response: unknown, next: () => void) => {
      Object.assign(request, { raw: { method: 'PUT', url: '/elsewhere', rawHeaders: [] } });
      next();
    };
    const app = await start({}, { before: (nest) => nest.use(keep) });
    expect(await get(app, '/accounts/7')).toMatchObject({ status: 200 });
    const elsewhere = await proofFor(client, { path: '/elsewhere', method: 'PUT', token });
    expect((await get(app, '/accounts/7', { proof: elsewhere })).status).toBe(401);
  });
});

function statusOf(url: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest(url, { headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('a Nest app mounted in another Express app (C9o)', () => {
  let outer: Server;

  afterEach(() => {
    outer.closeAllConnections();
    outer.close();
  });

  test('the path of the mount is part of what is signed', async () => {
    const inner: INestApplication = await NestFactory.create(
      createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [EchoController] }),
      new ExpressAdapter(),
      { logger: false },
    );
    await inner.init();
    const express = new ExpressAdapter().getInstance<{ use(path: string, handler: unknown): void }>();
    express.use('/mounted', inner.getHttpAdapter().getInstance());
    outer = createServer(express as unknown as Parameters<typeof createServer>[0]);
    await new Promise<void>((resolve) => outer.listen(0, '127.0.0.1', resolve));
    const app = { url: `http://127.0.0.1:${(outer.address() as AddressInfo).port}` };

    const path = '/mounted/accounts/7';
    expect(await call(app, client, { path, token })).toMatchObject({ status: 200, body: client.jkt });
    const proof = await proofFor(client, { path: '/accounts/7', token });
    expect(await call(app, client, { path, token, proof })).toMatchObject({ status: 401 });
    await inner.close();
  });
});

describe('HTTP/2 on Fastify', () => {
  const start = (origin: DpopModuleOptions['origin']) =>
    startApp(
      'fastify',
      createRootModule({ dpop: DpopModule.forRoot(options({ origin })), controllers: [EchoController] }),
      {
        adapter: new FastifyAdapter({ http2: true }),
      },
    );

  /** Over a connection of its own, without TLS, since loopback has no certificate. */
  async function get(
    url: string,
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<IncomingHttpHeaders> {
    const session = connect(url);
    try {
      const stream = session.request({ ':path': path, ...headers });
      stream.resume().end();
      return await new Promise((resolve, reject) => {
        stream.on('response', resolve).on('error', reject);
      });
    } finally {
      session.close();
    }
  }

  test('headers, path and authority are those of the request (A2, C9o)', async () => {
    const path = '/accounts/7?x=y';
    for (const [origin, signed] of [
      [ORIGIN, () => ORIGIN],
      ['request', (url: string) => url],
    ] as const) {
      const app = await start(origin);
      const proof = await proofFor(client, { path: '/accounts/7', token, origin: signed(app.url) });
      const headers = { authorization: `DPoP ${token}`, dpop: proof };
      expect(await get(app.url, path, headers)).toMatchObject({ ':status': 200 });
      expect(await get(app.url, path, headers)).toMatchObject({
        ':status': 401,
        'www-authenticate': expect.stringContaining('error="invalid_dpop_proof"'),
      });
      expect(await get(app.url, '/accounts/8', headers)).toMatchObject({ ':status': 401 });
    }
  });
});
