import { channel } from 'node:diagnostics_channel';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Controller,
  Delete,
  type DynamicModule,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Post,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DpopGuard, DpopModule, type DpopModuleOptions, type DpopRequest } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, type Call, proofFor, UNAVAILABLE } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { adapterOf, PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';
import { type RawResponse, sendRaw, valuesOf } from './support/raw-request.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let ran: string[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

beforeEach(() => {
  ran = [];
});

afterEach(closeApps);

function appModule(
  controllers: readonly Type[],
  options: Partial<DpopModuleOptions> = {},
  providers: readonly Type[] = [],
): DynamicModule {
  @Module({})
  class AppModule {}
  return {
    module: AppModule,
    imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken, ...options })],
    controllers: [...controllers],
    providers: [...providers],
  };
}

/** A request for a host, with a proof for a URI of whatever host. */
async function askHost(app: RunningApp, host: string, signed: string, path: string): Promise<RawResponse> {
  const dpop = await client.createProof({ method: 'GET', url: signed + path, token });
  return await sendRaw(app.port, {
    target: path,
    fields: [
      ['Host', host],
      ['Authorization', `DPoP ${token}`],
      ['DPoP', dpop],
      // Nobody told the framework to trust it.
      ['X-Forwarded-Host', new URL(signed).host],
    ],
  });
}

function hostController(host: string | RegExp | (string | RegExp)[], path: string): Type {
  @UseGuards(DpopGuard)
  @Controller({ host, path })
  class HostController {
    @Get()
    read(): string {
      ran.push(path);
      return path;
    }
  }
  return HostController;
}

@UseGuards(DpopGuard)
@Controller('open')
class AnyHostController {
  @Get()
  read(): string {
    ran.push('open');
    return 'open';
  }
}

describe.each(PLATFORMS)('controllers that are bound to hosts, on %s (C9o)', (platform) => {
  const origins = [
    ORIGIN,
    'https://admin.example.com',
    'https://acme.example.org',
    'https://umbrella.example.org',
    'https://eu1.example.net:8443',
    'https://eu2.example.net/prefix',
  ];
  const start = (options: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      appModule(
        [
          hostController('admin.example.com', 'users'),
          hostController(':tenant.example.org', 'tenants'),
          hostController([/^eu\d\.example\.net$/, 'api.example.com'], 'regions'),
          AnyHostController,
        ],
        { origin: origins, ...options },
      ),
    );

  const good = [
    ['admin.example.com', 'https://admin.example.com', '/users'],
    ['ADMIN.example.com:3000', 'https://admin.example.com', '/users'],
    ['acme.example.org', 'https://acme.example.org', '/tenants'],
    ['eu1.example.net', 'https://eu1.example.net:8443', '/regions'],
    ['eu2.example.net', 'https://eu2.example.net/prefix', '/regions'],
    ['api.example.com', ORIGIN, '/regions'],
  ] as const;

  test.each(good)('Host %s, signed for %s, reaches %s', async (host, signed, path) => {
    const app = await start();
    const dpop = await client.createProof({ method: 'GET', url: signed + path, token });
    const fields = [
      ['Host', host],
      ['Authorization', `DPoP ${token}`],
      ['DPoP', dpop],
    ] as const;
    expect(await sendRaw(app.port, { target: path, fields })).toMatchObject({ status: 200 });
    expect(ran).toEqual([path.slice(1)]);
  });

  const wrong = [
    ['admin.example.com', ORIGIN, '/users'],
    ['admin.example.com', 'https://acme.example.org', '/users'],
    ['acme.example.org', 'https://umbrella.example.org', '/tenants'],
    ['eu1.example.net', 'https://eu2.example.net/prefix', '/regions'],
    ['eu1.example.net:8443', ORIGIN, '/regions'],
    ['api.example.com', 'https://eu1.example.net:8443', '/regions'],
    // No origin of the service has this host.
    ['evil.example.org', 'https://acme.example.org', '/tenants'],
  ] as const;

  test.each(wrong)(
    'a proof for another host is refused: Host %s, signed for %s%s',
    async (host, signed, path) => {
      const app = await start();
      const refused = await askHost(app, host, signed, path);
      expect(refused.status).toBe(401);
      expect(refused.body).toContain('"invalid_dpop_proof"');
      expect(valuesOf(refused, 'www-authenticate')).toEqual([
        expect.stringContaining('error="invalid_dpop_proof"'),
      ]);
      expect(valuesOf(refused, 'dpop-nonce')).toStrictEqual([]);
      expect(ran).toStrictEqual([]);
    },
  );

  test('a controller for any host does not answer for a host that others are bound to', async () => {
    const app = await start();
    expect((await askHost(app, 'api.internal', 'https://admin.example.com', '/open')).status).toBe(401);
    expect((await askHost(app, 'api.internal', 'https://acme.example.org', '/open')).status).toBe(401);
    expect(ran).toStrictEqual([]);
    expect((await askHost(app, 'admin.example.com', 'https://admin.example.com', '/open')).status).toBe(200);
  });

  test('where no controller is bound to a host, Host is not looked at', async () => {
    const app = await startApp(platform, appModule([AnyHostController], { origin: origins }));
    expect((await askHost(app, 'api.internal', 'https://admin.example.com', '/open')).status).toBe(200);
  });

  test("'request' and a function as origin are held to the host of the request, too", async () => {
    const byRequest = await start({ origin: 'request', allowInsecureHttp: true });
    expect((await askHost(byRequest, 'admin.example.com', 'http://admin.example.com', '/users')).status).toBe(
      200,
    );
    expect((await askHost(byRequest, 'admin.example.com', 'http://api.example.com', '/users')).status).toBe(
      401,
    );
    const byFunction = await start({ origin: () => ORIGIN });
    expect((await askHost(byFunction, 'admin.example.com', ORIGIN, '/users')).status).toBe(401);
    expect((await askHost(byFunction, 'api.example.com', ORIGIN, '/regions')).status).toBe(200);
  });
});

/** A service of method-override's kind: the client names the method that is routed. */
@UseGuards(DpopGuard)
@Controller('accounts')
class AccountsController {
  @Get(':id')
  read(): string {
    ran.push('read');
    return 'read';
  }

  @Post(':id')
  update(): string {
    ran.push('update');
    return 'update';
  }

  @Delete(':id')
  remove(): string {
    ran.push('remove');
    return 'remove';
  }
}

interface MutableRequest {
  method?: string | undefined;
  url?: string | undefined;
  originalUrl?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function overrideMethod(request: MutableRequest): void {
  const method = request.headers['x-http-method-override'];
  if (typeof method === 'string') request.method = method;
}

const middleware =
  (change: (request: MutableRequest) => void) =>
  (request: MutableRequest, _response: unknown, next: () => void): void => {
    change(request);
    next();
  };

describe.each(PLATFORMS)('middleware that changes the method, on %s (C8)', (platform) => {
  const start = () =>
    platform === 'express'
      ? startApp(platform, appModule([AccountsController]), {
          before: (nest) => nest.use(middleware(overrideMethod)),
        })
      : startApp(platform, appModule([AccountsController]), {
          adapter: new FastifyAdapter({
            forceCloseConnections: true,
            rewriteUrl: (request: MutableRequest) => {
              overrideMethod(request);
              return request.url ?? '/';
            },
          }),
        });
  const headers = { 'x-http-method-override': 'DELETE' };
  const post: Call = { method: 'POST', path: '/accounts/7' };

  test('a request that nothing overrides passes', async () => {
    const app = await start();
    expect(await call(app, client, { ...post, token })).toMatchObject({ status: 201 });
    expect(ran).toEqual(['update']);
  });

  test.each(['POST', 'DELETE', 'GET'])(
    'a proof for %s does not open what a POST overrides to DELETE',
    async (method) => {
      const app = await start();
      const proof = await proofFor(client, { ...post, method, token });
      const refused = await call(app, client, { ...post, token, proof, headers });
      expect(refused).toMatchObject({ status: 401, code: 'invalid_dpop_proof', nonce: null });
      expect(refused.challenge).toContain('error="invalid_dpop_proof"');
      expect(ran).toStrictEqual([]);
    },
  );

  test('nor does middleware that comes after the router', async () => {
    const app = await startApp(platform, appModule([AccountsController]), {
      before: (nest) => nest.use(middleware((request) => Object.assign(request, { method: 'PUT' }))),
    });
    const proof = await proofFor(client, { ...post, method: 'PUT', token });
    expect((await call(app, client, { ...post, token, proof })).status).not.toBe(201);
    expect(ran).toStrictEqual([]);
  });
});

describe.each(PLATFORMS)('middleware that changes the target, on %s (C9)', (platform) => {
  const rewrite = (url = '/') => url.replace(/^\/public/, '');
  const changes: Readonly<Record<string, (request: MutableRequest) => void>> = {
    'nothing more': () => undefined,
    'originalUrl, too': (request) => Object.assign(request, { originalUrl: '/accounts/7' }),
    'originalUrl to another route': (request) => Object.assign(request, { originalUrl: '/accounts/8' }),
  };
  const start = (change: (request: MutableRequest) => void) => {
    const how: StartOptions =
      platform === 'express'
        ? { before: (nest) => nest.use(middleware((r) => change(Object.assign(r, { url: rewrite(r.url) })))) }
        : {
            adapter: new FastifyAdapter({
              forceCloseConnections: true,
              rewriteUrl: ({ url }: MutableRequest) => rewrite(url),
            }),
            // Any middleware makes middie overwrite originalUrl.
            before: (nest) => nest.use(middleware(change)),
          };
    return startApp(platform, appModule([AccountsController]), how);
  };

  test.each(Object.entries(changes))('the URI on the wire is compared: url and %s', async (_what, change) => {
    const app = await start(change);
    expect(await call(app, client, { path: '/public/accounts/7', token })).toMatchObject({ status: 200 });
    for (const signed of ['/accounts/7', '/accounts/8', '/public/accounts/8']) {
      const proof = await proofFor(client, { path: signed, token });
      expect(await call(app, client, { path: '/public/accounts/7', token, proof })).toMatchObject({
        status: 401,
        code: 'invalid_dpop_proof',
      });
    }
    expect(ran).toEqual(['read']);
  });
});

test('below an Express app that changes both, the line on the wire is compared (C8, C9)', async () => {
  const inner: INestApplication = await NestFactory.create(
    appModule([AccountsController]),
    new ExpressAdapter(),
    { logger: false },
  );
  await inner.init();
  const express = new ExpressAdapter().getInstance<{ use(...handlers: unknown[]): void }>();
  express.use(middleware(overrideMethod));
  express.use('/mounted', inner.getHttpAdapter().getInstance());
  const outer: Server = createServer(express as unknown as Parameters<typeof createServer>[0]);
  await new Promise<void>((resolve) => outer.listen(0, '127.0.0.1', resolve));
  const app = { url: `http://127.0.0.1:${(outer.address() as AddressInfo).port}` };
  try {
    const path = '/mounted/accounts/7';
    expect(await call(app, client, { path, token })).toMatchObject({ status: 200 });
    const headers = { 'x-http-method-override': 'DELETE' };
    for (const method of ['POST', 'DELETE']) {
      const proof = await proofFor(client, { path, method, token });
      expect(await call(app, client, { path, method: 'POST', token, proof, headers })).toMatchObject({
        status: 401,
      });
    }
    expect(ran).toEqual(['read']);
  } finally {
    outer.closeAllConnections();
    outer.close();
    await inner.close();
  }
});

test('the lines of requests are kept while an app runs, and no longer', async () => {
  const requests = channel('http.server.request.start');
  // The channel is of the process, which other suites share: one of them may have left an app open.
  const { hasSubscribers } = requests;
  const [first, second] = [
    await startApp('express', appModule([AccountsController])),
    await startApp('fastify', appModule([AccountsController])),
  ];
  expect(requests.hasSubscribers).toBe(true);
  await first.nest.close();
  expect(requests.hasSubscribers).toBe(true);
  await second.nest.close();
  expect(requests.hasSubscribers).toBe(hasSubscribers);
});

describe.each(PLATFORMS)('what only looks like a request is none, on %s (D8)', (platform) => {
  /** All that a request has, with a right token and proof, as a client may write it into `connectionParams`. */
  async function lookAlike(): Promise<Record<string, unknown>> {
    const dpop = await proofFor(client, { path: '/accounts/7', token });
    return JSON.parse(
      JSON.stringify({
        method: 'GET',
        url: '/accounts/7',
        originalUrl: '/accounts/7',
        httpVersion: '1.1',
        headers: { authorization: `DPoP ${token}`, dpop },
        rawHeaders: ['Authorization', `DPoP ${token}`, 'DPoP', dpop],
        isLightMyRequest: true,
        constructor: { name: 'IncomingMessage' },
      }),
    ) as Record<string, unknown>;
  }

  const places: Readonly<
    Record<string, (forged: object) => readonly [type: string, args: readonly unknown[]]>
  > = {
    'the request of a route': (forged) => ['http', [forged, {}]],
    'behind a wrapper': (forged) => ['http', [{ ...forged, raw: forged }, {}]],
    'req of a GraphQL context': (forged) => ['graphql', [{}, {}, { req: forged }, {}]],
    'request of a GraphQL context': (forged) => ['graphql', [{}, {}, { request: forged }, {}]],
    'reply.request of a GraphQL context': (forged) => [
      'graphql',
      [{}, {}, { reply: { request: forged } }, {}],
    ],
    'the extra of a context of graphql-ws': (forged) => [
      'graphql',
      [{}, {}, { req: { connectionParams: forged, extra: { request: forged } } }, {}],
    ],
    'what connectionParams make of req': (forged) => [
      'graphql',
      [{}, {}, { req: { ...forged, extra: { request: { raw: forged } } } }, {}],
    ],
  };

  test.each(Object.entries(places))('in the place of %s', async (_where, place) => {
    const logger = new LogCollector();
    const { nest } = await startApp(platform, appModule([AccountsController]), { logger });
    const [type, args] = place(await lookAlike());
    const host = new ExecutionContextHost([...args], AccountsController, AccountsController.prototype.read);
    host.setType<string>(type);
    const context: ExecutionContext = host;
    await expect(nest.get(DpopGuard).canActivate(context)).rejects.toMatchObject({
      status: 503,
      cause: { reason: 'transport_unknown' },
    });
    expect(logger.text).toContain('override getRequest and getDpopRequest');
  });
});

/** Some serverless adapters make an `IncomingMessage` and fill its `headers` alone. */
function loseRawHeaders(nest: INestApplication): void {
  const server: Server = nest.getHttpServer();
  server.prependListener('request', (request: IncomingMessage) => {
    request.rawHeaders = [];
  });
}

@Injectable()
class ServerlessGuard extends DpopGuard {
  protected override getDpopRequest(context: ExecutionContext): DpopRequest {
    const { method, url, headers } = context.switchToHttp().getRequest<IncomingMessage>();
    const rawHeaders = Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().flatMap((item) => [name, item]),
    );
    return { method: method ?? '', target: url ?? '', rawHeaders };
  }
}

@UseGuards(ServerlessGuard)
@Controller('serverless')
class ServerlessController {
  @Get()
  read(): string {
    ran.push('serverless');
    return 'serverless';
  }
}

describe.each(PLATFORMS)('a request whose raw headers were lost, on %s', (platform) => {
  test('is a 503 that names the adapter, and blames no client (D8)', async () => {
    const logger = new LogCollector();
    const app = await startApp(platform, appModule([AccountsController]), { logger, before: loseRawHeaders });
    expect(await call(app, client, { path: '/accounts/7', token })).toMatchObject(UNAVAILABLE);
    expect(await call(app, client, { path: '/accounts/7' })).toMatchObject(UNAVAILABLE);
    expect(logger.text).toContain('the serverless adapter fills headers and leaves rawHeaders empty');
    expect(ran).toStrictEqual([]);
  });

  test('is verified by an explicit override', async () => {
    const app = await startApp(platform, appModule([ServerlessController], {}, [ServerlessGuard]), {
      before: loseRawHeaders,
    });
    expect(await call(app, client, { path: '/serverless', token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { path: '/serverless' })).toMatchObject({ status: 401 });
    expect(ran).toEqual(['serverless']);
  });

  test('without any header at all it has no credentials (D1)', async () => {
    const app = await startApp(platform, appModule([AccountsController]));
    const answer = await sendRaw(app.port, { target: '/accounts/7', version: 'HTTP/1.0' });
    expect(answer.status).toBe(401);
  });
});

/** Below, Jest cannot load a dependency of `inject`, an ES module that is required. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const testInject = major > 24 || (major === 24 && minor >= 9) ? test : test.skip;

testInject("what Fastify's inject makes is verified as a request (A3, A4)", async () => {
  const { nest } = await startApp('fastify', appModule([AccountsController]), {
    adapter: adapterOf('fastify'),
  });
  const app = nest as NestFastifyApplication;
  const dpop = await proofFor(client, { path: '/accounts/7', token });
  const headers = { authorization: `DPoP ${token}`, dpop };
  expect((await app.inject({ url: '/accounts/7?a=b', headers })).statusCode).toBe(200);
  expect((await app.inject({ url: '/accounts/7', headers })).statusCode).toBe(401);
  const fresh = await proofFor(client, { path: '/accounts/7', token });
  const twice = { ...headers, dpop: [fresh, fresh] };
  expect((await app.inject({ url: '/accounts/7', headers: twice as never })).statusCode).toBe(401);
  expect(ran).toEqual(['read']);
});

describe.each(PLATFORMS)('a target in another spelling than its normal form, on %s (C9)', (platform) => {
  @UseGuards(DpopGuard)
  @Controller()
  class SpellingController {
    @Get('admin/keys')
    keys(): string {
      ran.push('static');
      return 'static';
    }

    @Get(':user/~notes')
    notes(): string {
      ran.push('notes');
      return 'notes';
    }

    @Get('files/:name')
    file(): string {
      ran.push('file');
      return 'file';
    }

    @Get(':a/:b')
    any(): string {
      ran.push('any');
      return 'any';
    }
  }

  /** Signs one URI and sends another spelling of it. */
  async function askSpelled(target: string, signed: string): Promise<RawResponse> {
    const app = await startApp(platform, appModule([SpellingController]));
    const dpop = await client.createProof({ method: 'GET', url: ORIGIN + signed, token });
    return await sendRaw(app.port, {
      target,
      fields: [
        ['Host', 'api.example.com'],
        ['Authorization', `DPoP ${token}`],
        ['DPoP', dpop],
      ],
    });
  }

  test.each([
    ['/%61dmin/keys', '/admin/keys', 'static'],
    ['/admin/%6Beys', '/admin/keys', 'static'],
    ['/a%64min/k%65ys?a=b', '/admin/keys', 'static'],
    ['/ann/%7Enotes', '/ann/~notes', 'notes'],
    ['/%66iles/x', '/files/x', 'file'],
  ])('%s with a proof for %s runs the handler of the latter, or none', async (target, signed, handler) => {
    const response = await askSpelled(target, signed);
    if (platform === 'fastify') {
      expect([response.status, ran]).toEqual([200, [handler]]);
      return;
    }
    // Express matches the text of a target, and would run a handler for anything.
    expect([response.status, ran]).toEqual([400, []]);
    expect(JSON.parse(response.body)).toMatchObject({ code: 'invalid_request' });
    expect(valuesOf(response, 'dpop-nonce')).toStrictEqual([]);
  });

  test.each([
    ['/files/a%7Eb', '/files/a~b', 'file'],
    ['/files/%61', '/files/a', 'file'],
    ['/x/a%2fb', '/x/a%2Fb', 'any'],
    ['/ann/bob', '/ann/bob', 'any'],
  ])('%s with a proof for %s passes: both are routed alike', async (target, signed, handler) => {
    const response = await askSpelled(target, signed);
    expect([response.status, ran]).toEqual([200, [handler]]);
  });
});
