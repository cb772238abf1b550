import { connect, type IncomingHttpHeaders } from 'node:http2';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  HttpCode,
  HttpException,
  Injectable,
  Module,
  type NestInterceptor,
  NotFoundException,
  Post,
  Redirect,
  Res,
  Sse,
  StreamableFile,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopUnavailableError,
  ReplayStore,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Observable, of, tap } from 'rxjs';
import { type Answer, call, type Call, proofFor, send } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';

const CACHEABLE = 'public, max-age=3600';

let issuer: TestIssuer;
let client: TestClient;
let clock: HandClock;
let hits = 0;

beforeEach(async () => {
  hits = 0;
  clock = HandClock.atWindow(120);
  client = await TestClient.create({ clock: clock.read });
  issuer = await TestIssuer.create({ clock: clock.read });
});

afterEach(closeApps);

/** Node's response, below whatever the framework makes of it. */
interface RawResponse {
  setHeader(name: string, value: string): void;
  writeHead(status: number, ...rest: unknown[]): RawResponse;
  end(text?: string): void;
  write(text: string): void;
  flushHeaders?: () => void;
}

interface FrameworkResponse extends RawResponse {
  readonly raw?: RawResponse;
  header(name: string, value: string): unknown;
  hijack?: () => void;
}

const rawOf = (response: FrameworkResponse): RawResponse => {
  response.hijack?.();
  return response.raw ?? response;
};

@Injectable()
class CachingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const response = context.switchToHttp().getResponse<FrameworkResponse>();
    return next.handle().pipe(tap(() => response.header('Cache-Control', CACHEABLE)));
  }
}

/** Each handler says in its own way that its answer may be stored. */
@UseGuards(DpopGuard)
@Controller()
class CachingController {
  @Header('Cache-Control', CACHEABLE)
  @Get('decorated')
  decorated(): string {
    return 'decorated';
  }

  @Header('CDN-Cache-Control', CACHEABLE)
  @Header('Surrogate-Control', CACHEABLE)
  @Get('delivered')
  delivered(): string {
    return 'delivered';
  }

  @UseInterceptors(CachingInterceptor)
  @Get('intercepted')
  intercepted(): string {
    return 'intercepted';
  }

  @Get('set')
  set(@Res({ passthrough: true }) response: FrameworkResponse): string {
    response.header('Cache-Control', CACHEABLE);
    response.header('DPoP-Nonce', 'of-the-app');
    return 'set';
  }

  @Get('head-object')
  headObject(@Res() response: FrameworkResponse): void {
    rawOf(response)
      .writeHead(200, {
        'cache-control': CACHEABLE,
        'DPOP-NONCE': 'of-the-app',
        'set-cookie': ['a=1', 'b=2'],
      })
      .end('head');
  }

  @Get('head-message')
  headMessage(@Res() response: FrameworkResponse): void {
    rawOf(response).writeHead(200, 'Fine', { 'Cache-Control': CACHEABLE }).end('head');
  }

  @Get('head-list')
  headList(@Res() response: FrameworkResponse): void {
    rawOf(response).writeHead(200, ['Cache-Control', CACHEABLE, 'X-Page', '1', 'x-page', '2']).end('head');
  }

  @Get('implicit')
  implicit(@Res() response: FrameworkResponse): void {
    const raw = rawOf(response);
    raw.setHeader('Cache-Control', CACHEABLE);
    raw.write('implicit');
    raw.end();
  }

  @Get('flushed')
  flushed(@Res() response: FrameworkResponse): void {
    const raw = rawOf(response);
    raw.setHeader('Cache-Control', CACHEABLE);
    raw.flushHeaders?.();
    raw.end('flushed');
  }

  @Header('Cache-Control', CACHEABLE)
  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(['stream']));
  }

  @Header('Cache-Control', CACHEABLE)
  @Sse('events')
  events(): Observable<{ data: string }> {
    return of({ data: 'event' });
  }

  @Header('Cache-Control', CACHEABLE)
  @HttpCode(204)
  @Get('empty')
  empty(): void {
    hits += 1;
  }

  @Header('Cache-Control', CACHEABLE)
  @Get('missing')
  missing(): void {
    throw new NotFoundException();
  }
}

const WAYS = Object.getOwnPropertyNames(CachingController.prototype)
  .filter((name) => name !== 'constructor')
  .map(
    (name) => Reflect.getMetadata('path', Reflect.get(CachingController.prototype, name) as object) as string,
  );

const exposedBy = ({ headers }: Answer): string | null => headers.get('access-control-expose-headers');

function options(changes: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return { origin: ORIGIN, accessToken: issuer.accessToken, clock: clock.read, ...changes };
}

describe.each(PLATFORMS)('the head of a response on %s (D7)', (platform) => {
  const start = (changes: Partial<DpopModuleOptions>, how: StartOptions = {}) => {
    @Module({ imports: [DpopModule.forRoot(options(changes))], controllers: [CachingController] })
    class AppModule {}
    return startApp(platform, AppModule, how);
  };

  /** A nonce of the window before, with whose use a fresh one rides on the answer (§8.2). */
  async function agedNonce(app: RunningApp): Promise<string> {
    const token = await issuer.issueToken({ client });
    const { nonce } = await call(app, client, { path: '/set', token });
    clock.advanceSeconds(120);
    return nonce ?? '';
  }

  test.each(WAYS)('with a fresh nonce it is never to be stored: /%s', async (way) => {
    const app = await start({ nonce: 'required' });
    const nonce = await agedNonce(app);
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, { path: `/${way}`, token, nonce });
    expect(answer.status).toBe({ missing: 404, empty: 204 }[way] ?? 200);
    // The value of Nest's event streams forbids to store them, too.
    const ofStream = 'private, no-cache, no-store, must-revalidate, max-age=0, no-transform';
    expect(answer.headers.get('cache-control')).toBe(way === 'events' ? ofStream : 'no-store');
    expect(answer.headers.get('cdn-cache-control')).toBeNull();
    expect(answer.headers.get('surrogate-control')).toBeNull();
    // Were there two, they would be joined by a comma.
    expect(answer.nonce).toMatch(/^[\w-]{20,80}$/);
    expect(answer.nonce).not.toBe('of-the-app');
    expect(exposedBy(answer)).toBe('DPoP-Nonce, WWW-Authenticate');
  });

  test.each(WAYS)('without one it is the app that says: /%s', async (way) => {
    const app = await start({});
    const token = await issuer.issueToken({ client });
    const { status, headers } = await call(app, client, { path: `/${way}`, token });
    expect(status).toBe({ missing: 404, empty: 204 }[way] ?? 200);
    const name = way === 'delivered' ? 'cdn-cache-control' : 'cache-control';
    // Nest itself says so of events.
    expect(headers.get(name)).toContain(way === 'events' ? 'no-transform' : CACHEABLE);
    expect(headers.get('access-control-expose-headers')).toBeNull();
  });

  test('what the handler passes to writeHead is kept beside it', async () => {
    const app = await start({ nonce: 'required' });
    const nonce = await agedNonce(app);
    const token = await issuer.issueToken({ client });
    const object = await call(app, client, { path: '/head-object', token, nonce });
    expect(object.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const list = await call(app, client, { path: '/head-list', token, nonce });
    expect(list.headers.get('x-page')).toBe('1, 2');
  });

  test('names that the app exposes after the guard has run are kept', async () => {
    const app = await start(
      { nonce: 'required' },
      { before: (nest) => nest.useGlobalInterceptors(new ExposingInterceptor()) },
    );
    const nonce = await agedNonce(app);
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, { path: '/decorated', token, nonce });
    expect(exposedBy(answer)).toBe('X-Total, DPoP-Nonce, WWW-Authenticate');
  });
});

class ExposingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    context
      .switchToHttp()
      .getResponse<FrameworkResponse>()
      .header('Access-Control-Expose-Headers', 'X-Total');
    return next.handle();
  }
}

/** Answers in its own way, and would have each answer stored. */
@Catch(HttpException)
class OwnFilter implements ExceptionFilter<HttpException> {
  catch(exception: HttpException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<
      FrameworkResponse & {
        status(code: number): { send(body: unknown): void };
        removeHeader(name: string): void;
      }
    >();
    for (const name of ['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After']) response.removeHeader(name);
    response.header('Cache-Control', CACHEABLE);
    response.header('WWW-Authenticate', 'Basic realm="x"');
    response.status(exception.getStatus()).send({ own: true });
  }
}

@UseFilters(OwnFilter)
@UseGuards(DpopGuard)
@Controller()
class FilteredController {
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }

  @RequireScopes('write')
  @Get('write')
  write(): string {
    hits += 1;
    return 'write';
  }
}

describe.each(PLATFORMS)('a filter of the app on %s (D7)', (platform) => {
  const start = (changes: Partial<DpopModuleOptions> = {}) => {
    @Module({ imports: [DpopModule.forRoot(options(changes))], controllers: [FilteredController] })
    class AppModule {}
    return startApp(platform, AppModule);
  };

  test('cannot undo the headers of a refusal; a challenge of its own stays beside ours', async () => {
    const app = await start();
    const token = await issuer.issueToken({ client });
    const kinds: readonly (readonly [Call, number, string])[] = [
      [{}, 401, 'DPoP algs='],
      [{ token, claims: { htm: 'PUT' } }, 401, 'DPoP error="invalid_dpop_proof"'],
      [{ path: '/write', token }, 403, 'DPoP error="insufficient_scope"'],
      [{ token: '***' }, 400, 'DPoP error="invalid_request"'],
    ];
    for (const [parts, status, challenge] of kinds) {
      const answer = await call(app, client, parts);
      expect(answer).toMatchObject({ status, body: { own: true } });
      expect(answer.challenge).toContain(`Basic realm="x", ${challenge}`);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(exposedBy(answer)).toBe('DPoP-Nonce, WWW-Authenticate');
    }
    expect(hits).toBe(0);
  });

  test('leaves a demand for a nonce alone (D4)', async () => {
    const app = await start({ nonce: 'required' });
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, { token });
    expect(answer.challenge).toMatch(/^DPoP error="use_dpop_nonce"/);
    expect(answer.nonce).toMatch(/^[\w-]{20,80}$/);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

class FullStore extends ReplayStore {
  override claim(): never {
    throw new DpopUnavailableError('replay_store_full');
  }

  override epochOf(): string {
    return 'm';
  }
}

/** An API key, or DPoP. */
@Injectable()
class ApiKeyOrDpopGuard extends DpopGuard implements CanActivate {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    try {
      return await super.canActivate(context);
    } catch (refusal) {
      const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
      if (headers['x-api-key'] === 'right') return true;
      throw refusal;
    }
  }
}

/** As the README has it: the key first. */
@Injectable()
class KeyFirstGuard extends DpopGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Readonly<Record<string, unknown>> }>();
    return headers['x-api-key'] === 'right' || (await super.canActivate(context));
  }
}

@UseGuards(KeyFirstGuard)
@Controller()
class KeyFirstController {
  @Get()
  read(): string {
    return 'read';
  }
}

@UseGuards(ApiKeyOrDpopGuard)
@Controller()
class EitherController {
  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Header('Cache-Control', CACHEABLE)
  @Header('Access-Control-Expose-Headers', 'X-Total')
  @Get('cacheable')
  cacheable(): string {
    return 'cacheable';
  }

  @Post('created')
  created(): string {
    return 'created';
  }

  @HttpCode(204)
  @Get('empty')
  empty(): void {
    hits += 1;
  }

  @Redirect('/elsewhere', 302)
  @Get('redirected')
  redirected(): void {
    hits += 1;
  }

  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(['stream']));
  }

  @Get('raw')
  raw(@Res() response: FrameworkResponse): void {
    rawOf(response).writeHead(200, { 'content-type': 'text/plain' }).end('raw');
  }

  @Get('missing')
  missing(): void {
    throw new NotFoundException();
  }

  @Get('broken')
  broken(): void {
    throw new Error('of the app');
  }
}

const STATUSES = {
  plain: 200,
  cacheable: 200,
  created: 201,
  empty: 204,
  redirected: 302,
  stream: 200,
  raw: 200,
  missing: 404,
  broken: 500,
} as const;

describe.each(PLATFORMS)('a guard that others stand in for, on %s (D10)', (platform) => {
  const start = (changes: Partial<DpopModuleOptions> = {}) => {
    @Module({ imports: [DpopModule.forRoot(options(changes))], controllers: [EitherController] })
    class AppModule {}
    return startApp(platform, AppModule);
  };

  const withoutTraces = ({ headers, challenge, nonce }: Answer) =>
    expect({ challenge, nonce, retryAfter: headers.get('retry-after') }).toEqual({
      challenge: null,
      nonce: null,
      retryAfter: null,
    });

  const refusals: readonly (readonly [string, () => Promise<Call>, Partial<DpopModuleOptions>])[] = [
    ['no credentials', () => Promise.resolve({}), {}],
    ['an API key beside a bad token', () => Promise.resolve({ token: 'a.b.c' }), {}],
    ['a malformed request', () => Promise.resolve({ token: '***' }), {}],
    ['no nonce', async () => ({ token: await issuer.issueToken({ client }) }), { nonce: 'required' }],
    [
      'a full store',
      async () => ({ token: await issuer.issueToken({ client }) }),
      { storage: { replayStore: new FullStore(), shared: true } },
    ],
  ];

  describe.each(refusals)('%s', (_name, credentials, changes) => {
    test.each(Object.entries(STATUSES))('leaves no trace on /%s, which answers %i', async (path, status) => {
      const app = await start(changes);
      const method = path === 'created' ? 'POST' : 'GET';
      const parts = { method, path: `/${path}`, ...(await credentials()) };
      const refused = await call(app, client, parts);
      expect([400, 401, 503]).toContain(refused.status);
      expect(refused.headers.get('cache-control')).toBe('no-store');
      const headers = { 'x-api-key': 'right' };
      const proof = parts.token === undefined ? undefined : await proofFor(client, parts);
      const passed = await sendManually(app, { ...parts, headers, ...(proof && { proof }) });
      expect(passed.status).toBe(status);
      withoutTraces(passed);
      expect(passed.headers.get('cache-control')).toBe(path === 'cacheable' ? CACHEABLE : null);
      expect(exposedBy(passed)).toBe(path === 'cacheable' ? 'X-Total' : null);
    });
  });

  /** Does not follow redirects. */
  function sendManually(app: RunningApp, { method = 'GET', path = '/', token, proof, headers }: Call) {
    const credentials = token !== undefined && { authorization: `DPoP ${token}`, dpop: proof ?? '' };
    return send(app.url + path, { method, redirect: 'manual', headers: { ...headers, ...credentials } });
  }

  test('a guard that asks for the key first tells the operator of no refusal either', async () => {
    @Module({ imports: [DpopModule.forRoot(options())], controllers: [KeyFirstController] })
    class AppModule {}
    const logger = new LogCollector();
    const app = await startApp(platform, AppModule, { logger });
    const passed = await call(app, client, { headers: { 'x-api-key': 'right' } });
    expect(passed).toMatchObject({ status: 200, challenge: null });
    expect(logger.text).not.toContain('refused');
    const token = await issuer.issueToken({ client });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { headers: { 'x-api-key': 'wrong' } })).toMatchObject({ status: 401 });
    expect(logger.text).toContain('refused: credentials_missing');
  });

  test('with neither it is refused as ever, and a refusal of the app itself is no trace', async () => {
    const app = await start();
    const answer = await call(app, client, { path: '/plain', headers: { 'x-api-key': 'wrong' } });
    expect(answer).toMatchObject({ status: 401, code: 'credentials_missing' });
    expect(answer.challenge).toMatch(/^DPoP algs=/);
  });
});

describe('on Fastify (D10, D7)', () => {
  const startFastify = (adapter = new FastifyAdapter(), changes: Partial<DpopModuleOptions> = {}) => {
    @Module({
      imports: [DpopModule.forRoot(options(changes))],
      controllers: [EitherController],
    })
    class AppModule {}
    return startApp('fastify' satisfies Platform, AppModule, { adapter });
  };

  test('over HTTP/2', async () => {
    const app = await startFastify(new FastifyAdapter({ http2: true }));
    const session = connect(app.url);
    const get = (path: string, headers: Readonly<Record<string, string>>): Promise<IncomingHttpHeaders> => {
      const stream = session.request({ ':path': path, ...headers });
      stream.resume().end();
      return new Promise((resolve, reject) => stream.on('response', resolve).on('error', reject));
    };
    try {
      const refused = await get('/cacheable', {});
      expect(refused).toMatchObject({ ':status': 401, 'cache-control': 'no-store' });
      expect(refused['www-authenticate']).toMatch(/^DPoP algs=/);
      const passed = await get('/cacheable', { 'x-api-key': 'right' });
      expect(passed).toMatchObject({ ':status': 200, 'cache-control': CACHEABLE });
      expect(passed['www-authenticate']).toBeUndefined();
      expect(await get('/raw', { 'x-api-key': 'right' })).not.toHaveProperty('www-authenticate');
    } finally {
      session.close();
    }
  });
});

test.each(PLATFORMS)(
  'a 401 of the app after an API key has let the request in has its own words, %s',
  async (platform) => {
    @UseGuards(ApiKeyOrDpopGuard)
    @Controller()
    class OwnRefusalController {
      @Get()
      read(): void {
        throw new UnauthorizedException('of the app');
      }
    }
    @Module({ imports: [DpopModule.forRoot(options())], controllers: [OwnRefusalController] })
    class AppModule {}
    const app = await startApp(platform, AppModule);
    const answer = await call(app, client, { headers: { 'x-api-key': 'right' } });
    // A 401 must name a scheme, and this one is accepted (RFC 9110 §11.6.1).
    expect(answer).toMatchObject({ status: 401, body: { message: 'of the app' } });
    expect(answer.challenge).toMatch(/^DPoP algs=/);
  },
);
