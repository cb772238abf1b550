import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  type ArgumentsHost,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  type INestApplication,
  Injectable,
  Post,
  type Provider,
  type Type,
  UseGuards,
  Version,
  VersioningType,
} from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { ExternalContextCreator, NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  type AccessTokenClaims,
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, type Call, proofFor, send } from './support/call.js';
import { ORIGIN } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';

// Mercurius, a CommonJS package, requires it for a page that is never shown, and it requires an ES module, which
// Jest cannot do below Node 24.9.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

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

interface AppParts {
  readonly options?: Partial<DpopModuleOptions>;
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
  readonly imports?: readonly (Type | DynamicModule)[];
}

function appModule({ options, controllers = [], providers = [], imports = [] }: AppParts): DynamicModule {
  class AppModule {}
  return {
    module: AppModule,
    imports: [
      DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken, ...options }),
      ...imports,
    ],
    controllers: [...controllers],
    providers: [...providers],
  };
}

@ObjectType()
class Account {
  @Field()
  owner!: string;
}

@UseGuards(DpopGuard)
@Resolver(() => Account)
class GuardedResolver {
  @Query(() => String)
  me(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @Query(() => String)
  client(
    @DpopBound('claims') claims: AccessTokenClaims,
    @DpopBound('scopes') scopes: readonly string[],
  ): string {
    return `${claims.client_id} ${scopes.join(' ')}`;
  }

  @RequireScopes('write')
  @Query(() => String, { nullable: true })
  ledger(): string {
    hits += 1;
    return 'ledger';
  }

  @Dpop({ nonce: 'required' })
  @Query(() => String)
  vault(@DpopBound('hasNonce') hasNonce: boolean): string {
    return String(hasNonce);
  }

  @Mutation(() => String)
  transfer(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @Query(() => Account)
  account(@DpopBound() owner: string): Account {
    return { owner };
  }

  @ResolveField(() => String)
  label(@Parent() account: Account, @DpopBound() jkt: string): string {
    return `${account.owner === jkt}`;
  }
}

@Resolver()
class OpenResolver {
  @Query(() => String)
  open(): string {
    return 'open';
  }

  @Query(() => String)
  unguarded(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }
}

const GRAPHQL: readonly (readonly [string, Platform, () => DynamicModule])[] = [
  [
    'Apollo on Express',
    'express',
    () =>
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        graphiql: false,
        // Otherwise Nest answers 200 for whatever a resolver threw.
        preserveHttpStatusForExecutionErrors: false,
      }),
  ],
  [
    'Mercurius on Fastify',
    'fastify',
    () => GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true }),
  ],
];

interface GraphqlBody {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
}

describe.each(GRAPHQL)('GraphQL, %s', (_name, platform, graphql) => {
  const start = (options: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      // OpenResolver asks for a verdict, and has no guard.
      appModule({
        options: { unguardedRoutes: 'warn', ...options },
        imports: [graphql()],
        providers: [GuardedResolver, OpenResolver],
      }),
    );

  const ask = (app: RunningApp, query: string, parts: Call = { token }): Promise<Answer> =>
    call(app, client, { method: 'POST', path: '/graphql', body: { query }, ...parts });

  const dataOf = ({ body }: Answer): unknown => (body as GraphqlBody).data;
  const errorsOf = ({ body }: Answer) => (body as GraphqlBody).errors ?? [];

  test('B3 a guarded resolver gets the thumbprint and other parts of the verdict', async () => {
    const app = await start();
    expect(await ask(app, '{ me client }')).toMatchObject({
      status: 200,
      body: { data: { me: client.jkt, client: 'client read' } },
    });
  });

  test('D1 D7 without credentials it is 401 with the challenge, and no resolver runs', async () => {
    const app = await start();
    const answer = await ask(app, '{ me }', {});
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.challenge).toMatch(/^DPoP algs="[^"]+"$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    expect(dataOf(answer) ?? null).toBeNull();
    expect(hits).toBe(0);
  });

  test('D6 the stable code stands in the extensions', async () => {
    const app = await start();
    const [error] = errorsOf(await ask(app, '{ me }', {}));
    expect(JSON.stringify(error?.extensions)).toContain('"credentials_missing"');
  });

  test('a resolver without the guard is open; beside a guarded one it answers all the same', async () => {
    const app = await start();
    expect(await ask(app, '{ open }', {})).toMatchObject({ status: 200, body: { data: { open: 'open' } } });
  });

  test('D8 @DpopBound in a resolver without the guard is 503', async () => {
    const app = await start();
    expect(await ask(app, '{ unguarded }')).toMatchObject({ status: 503 });
    expect(hits).toBe(0);
  });

  test('F1 several resolvers of one operation pass with one proof, which is spent', async () => {
    const app = await start();
    const proof = await proofFor(client, { method: 'POST', path: '/graphql', token });
    const operation = '{ first: me second: me account { owner label } }';
    expect(await ask(app, operation, { token, proof })).toMatchObject({
      status: 200,
      body: {
        data: { first: client.jkt, second: client.jkt, account: { owner: client.jkt, label: 'true' } },
      },
    });
    const replay = await ask(app, '{ me }', { token, proof });
    expect(replay).toMatchObject({ status: 401 });
    expect(replay.challenge).toContain('error="invalid_dpop_proof"');
    expect(hits).toBe(2);
  });

  test('F1 mutations, which run one after the other, too', async () => {
    const app = await start();
    const proof = await proofFor(client, { method: 'POST', path: '/graphql', token });
    expect(await ask(app, 'mutation { a: transfer b: transfer }', { token, proof })).toMatchObject({
      status: 200,
      body: { data: { a: client.jkt, b: client.jkt } },
    });
    expect(await ask(app, 'mutation { transfer }', { token, proof })).toMatchObject({ status: 401 });
    expect(hits).toBe(2);
  });

  test('each resolver has its own policy: scopes', async () => {
    const app = await start();
    const refused = await ask(app, '{ me ledger }');
    expect(dataOf(refused)).toEqual({ me: client.jkt, ledger: null });
    expect(JSON.stringify(errorsOf(refused))).toContain('"insufficient_scope"');
    expect(refused.challenge).toMatch(/error="insufficient_scope".*scope="write"/);
    const writer = await issuer.issueToken({ client, scopes: ['read', 'write'] });
    expect(await ask(app, '{ me ledger }', { token: writer })).toMatchObject({
      body: { data: { me: client.jkt, ledger: 'ledger' } },
    });
  });

  test('each resolver has its own policy: nonces, served with one retry', async () => {
    const app = await start();
    expect(dataOf(await ask(app, '{ me }'))).toEqual({ me: client.jkt });
    const demand = await ask(app, '{ me vault }');
    expect(demand.status).toBe(401);
    expect(demand.challenge).toMatch(/^DPoP error="use_dpop_nonce"/);
    expect(demand.nonce).toMatch(/^[\w-]{20,80}$/);
    const retried = await ask(app, '{ me vault }', { token, nonce: demand.nonce ?? '' });
    expect(retried).toMatchObject({ status: 200, body: { data: { me: client.jkt, vault: 'true' } } });
  });

  test('C8 C9 the proof is for the POST to the endpoint', async () => {
    const app = await start();
    const wrongMethod = await proofFor(client, { method: 'GET', path: '/graphql', token });
    const wrongPath = await proofFor(client, { method: 'POST', path: '/', token });
    for (const proof of [wrongMethod, wrongPath]) {
      expect(await ask(app, '{ me }', { token, proof })).toMatchObject({ status: 401 });
    }
    expect(hits).toBe(0);
  });
});

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

  @UseGuards(DpopGuard)
  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(): string {
    return 'nonce';
  }
}

describe.each(PLATFORMS)('C9o where a request came to, on %s', (platform) => {
  const start = (options: Partial<DpopModuleOptions> = {}, how: StartOptions = {}) =>
    startApp(platform, appModule({ options, controllers: [EchoController] }), how);

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

  test.each(nonsense)('D8 a function that returns %s is 503', async (_name, origin) => {
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

  test("A1 'request': a Host beyond loopback is not served over http", async () => {
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

  test('C8 HEAD is not GET, although the same handler answers', async () => {
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

describe('C9o a Nest app mounted in another Express app', () => {
  let outer: Server;

  afterEach(() => {
    outer.closeAllConnections();
    outer.close();
  });

  test('the path of the mount is part of what is signed', async () => {
    const inner: INestApplication = await NestFactory.create(
      appModule({ controllers: [EchoController] }),
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
    startApp('fastify', appModule({ options: { origin }, controllers: [EchoController] }), {
      adapter: new FastifyAdapter({ http2: true }),
    });

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

  test('A2 C9o headers, path and authority are those of the request', async () => {
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

describe.each(PLATFORMS)('D7 CORS on %s', (platform) => {
  const origin = 'https://app.example.com';
  const start = (exposedHeaders?: string | string[]) =>
    startApp(platform, appModule({ controllers: [EchoController] }), {
      before: (nest) =>
        nest.enableCors({
          origin,
          credentials: true,
          ...(exposedHeaders !== undefined && { exposedHeaders }),
        }),
    });

  const exposed = ({ headers }: Answer): readonly string[] =>
    (headers.get('access-control-expose-headers') ?? '').split(',').map((name) => name.trim());

  test('what the app exposes is kept, ours is added, nothing stands twice', async () => {
    const app = await start(['X-Total-Count', 'dpop-nonce']);
    const headers = { origin };
    const refused = await call(app, client, { path: '/accounts/7', headers });
    expect(exposed(refused)).toEqual(['X-Total-Count', 'dpop-nonce', 'WWW-Authenticate']);
    expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
    const demanded = await call(app, client, { path: '/nonce', token, headers });
    expect(demanded).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(exposed(demanded)).toEqual(['X-Total-Count', 'dpop-nonce', 'WWW-Authenticate']);
    const passed = await call(app, client, { path: '/accounts/7', token, headers });
    expect(exposed(passed)).toEqual(['X-Total-Count', 'dpop-nonce']);
  });

  test('an app that exposes nothing, or one header as a string', async () => {
    const headers = { origin };
    const nothing = await call(await start(), client, { path: '/accounts/7', headers });
    expect(exposed(nothing)).toEqual(['DPoP-Nonce', 'WWW-Authenticate']);
    const one = await call(await start('X-Total-Count'), client, { path: '/accounts/7', headers });
    expect(exposed(one)).toEqual(['X-Total-Count', 'DPoP-Nonce', 'WWW-Authenticate']);
  });

  test('a preflight passes without credentials', async () => {
    const app = await start();
    const { status, headers } = await send(`${app.url}/accounts/7`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization,dpop',
      },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-headers')).toContain('dpop');
  });

  test('headers of the app beside ours stay as they are', async () => {
    const app = await startApp(platform, appModule({ controllers: [EchoController] }), {
      before: (nest) => {
        nest.enableCors({ origin, methods: 'GET' });
        nest.use(
          (
            _request: unknown,
            response: { setHeader(name: string, value: string): void },
            next: () => void,
          ) => {
            response.setHeader('x-request-id', '1');
            response.setHeader('vary', 'Accept-Language');
            next();
          },
        );
      },
    });
    const { headers } = await call(app, client, { path: '/accounts/7', headers: { origin } });
    expect(headers.get('x-request-id')).toBe('1');
    expect(headers.get('vary')).toContain('Accept-Language');
  });
});

/** A gateway asks about a request that it holds: method, target and headers stand in the body. */
@Injectable()
class ForwardedGuard extends DpopGuard {
  protected override getDpopRequest(context: ExecutionContext): DpopRequest {
    const { body } = context.switchToHttp().getRequest<{ body: DpopRequest }>();
    return { method: body.method, target: body.target, rawHeaders: body.rawHeaders };
  }
}

@Controller()
class GatewayController {
  @UseGuards(ForwardedGuard)
  @Post('check')
  check(@DpopBound() jkt: string): { jkt: string } {
    hits += 1;
    return { jkt };
  }
}

describe.each(PLATFORMS)('a guard that reads the request elsewhere, on %s', (platform) => {
  test('by overriding getDpopRequest: verdict, refusal and headers are the same', async () => {
    const app = await startApp(platform, appModule({ controllers: [GatewayController] }));
    const proof = await proofFor(client, { method: 'PUT', path: '/inner', token });
    const held = {
      method: 'PUT',
      target: '/inner',
      rawHeaders: ['Authorization', `DPoP ${token}`, 'DPoP', proof],
    };
    const ask = (body: object) => call(app, client, { method: 'POST', path: '/check', body });
    expect(await ask(held)).toMatchObject({ status: 201, body: { jkt: client.jkt } });
    const replayed = await ask(held);
    expect(replayed).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
    expect(replayed.challenge).toContain('error="invalid_dpop_proof"');
    expect(await ask({ ...held, method: 'POST' })).toMatchObject({ status: 401 });
    expect(hits).toBe(1);
  });
});

/** A message from a queue, which carries what an HTTP request would. */
interface QueueMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
}

@Injectable()
class QueueGuard extends DpopGuard {
  override getRequest(context: ExecutionContext): object {
    return context.getArgByIndex<QueueMessage>(0);
  }

  protected override getDpopRequest(context: ExecutionContext): DpopRequest {
    const { subject, headers } = context.getArgByIndex<QueueMessage>(0);
    return { method: 'PUBLISH', target: `/${subject}`, rawHeaders: Object.entries(headers).flat() };
  }
}

@Injectable()
class QueueHandler {
  @UseGuards(QueueGuard, QueueGuard)
  own(_message: QueueMessage, @DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }

  @UseGuards(DpopGuard)
  plain(): string {
    hits += 1;
    return 'plain';
  }
}

describe('other transports', () => {
  type Handle = (...args: unknown[]) => Promise<unknown>;

  /** Runs guards and parameter decorators as Nest does for transports of its own. */
  async function start(method: 'own' | 'plain', type: string): Promise<Handle> {
    const { nest } = await startApp('express', appModule({ providers: [QueueHandler, QueueGuard] }));
    const handler = nest.get(QueueHandler);
    const paramsFactory = { exchangeKeyForValue: (_type: number, _data: unknown, args: unknown) => args };
    const options = { guards: true, filters: false, interceptors: false };
    return nest
      .get(ExternalContextCreator)
      .create(
        handler,
        handler[method] as (...args: unknown[]) => unknown,
        method,
        ROUTE_ARGS_METADATA,
        paramsFactory,
        undefined,
        undefined,
        options,
        type,
      );
  }

  test('by overriding getRequest and getDpopRequest: @DpopBound finds the verdict, replays are refused', async () => {
    const handle = await start('own', 'queue');
    const proof = await proofFor(client, { method: 'PUBLISH', path: '/accounts', token });
    const message = (): QueueMessage => ({
      subject: 'accounts',
      headers: { authorization: `DPoP ${token}`, dpop: proof },
    });
    expect(await handle(message())).toBe(client.jkt);
    await expect(handle(message())).rejects.toMatchObject({
      status: 401,
      cause: { name: 'DpopError', reason: 'proof_replayed' },
    });
    await expect(handle({ subject: 'accounts', headers: {} })).rejects.toMatchObject({ status: 401 });
    expect(hits).toBe(1);
  });

  const strangers: readonly (readonly [string, readonly unknown[]])[] = [
    ['rpc', [{ headers: {} }, {}]],
    ['ws', [{ handshake: { headers: {} } }, 'data']],
    ['queue', [{ method: 'GET', url: '/', rawHeaders: [] }]],
    ['graphql', [{}, {}, {}, {}]],
    ['graphql', [{}, {}, undefined, {}]],
    ['graphql', [{}, {}, { req: { headers: {} } }, {}]],
    ['http', [undefined, undefined]],
    ['http', [{ headers: {} }, undefined]],
    ['http', [{ method: 'GET', url: '/', rawHeaders: 'x' }, undefined]],
  ];

  test.each(strangers)(
    'D8 what the guard does not know it refuses, and says what to do: %s %j',
    async (type, args) => {
      const handle = await start('plain', type);
      await expect(handle(...args)).rejects.toMatchObject({
        status: 503,
        response: { code: 'temporarily_unavailable' },
        cause: {
          reason: 'transport_unknown',
          advice: expect.stringContaining('override getRequest and getDpopRequest'),
        },
      });
      expect(hits).toBe(0);
    },
  );

  test('so it does in an application that has no HTTP at all', async () => {
    const module = appModule({ providers: [QueueHandler, QueueGuard] });
    const context = await NestFactory.createApplicationContext(module, { logger: false });
    const host = new ExecutionContextHost(
      [{ subject: 'x', headers: {} }],
      QueueHandler,
      QueueHandler.prototype.own,
    );
    host.setType<string>('queue');
    const guarded: ArgumentsHost & ExecutionContext = host;
    await expect(context.get(DpopGuard).canActivate(guarded)).rejects.toMatchObject({ status: 503 });
    await expect(context.get(QueueGuard).canActivate(guarded)).rejects.toMatchObject({ status: 401 });
    await context.close();
  });
});
