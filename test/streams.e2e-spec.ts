import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
} from 'node:http2';
import { Readable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  Controller,
  Get,
  type INestApplication,
  Inject,
  type MessageEvent,
  Post,
  Req,
  Sse,
  StreamableFile,
  UseGuards,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  Dpop,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopSessions,
  type DpopTicket,
  DpopTickets,
  MemoryDenyList,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { Observable, Subject } from 'rxjs';
import { call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { withOrigin } from './support/origin.js';
import { type Platform, PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';
import { readEvents, runEventSource } from './tickets/event-source.js';

const START_MS = Date.parse('2030-01-01T00:00:00Z');
const LIFETIME_SECONDS = 300;

jest.setTimeout(15_000);

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let token: string;
let stage: Stage;

/** What the handlers of a test stream, and what they learn. */
class Stage {
  readonly events = new Subject<string>();
  readonly parts = new Readable({ read: () => {} });
  /** Resolves when the observable of the stream was let go. */
  readonly torndown: Promise<void>;
  /** Resolves when the late handler runs. */
  readonly begun: Promise<void>;
  begin: () => void = () => {};
  readonly answered: Promise<void>;
  release: () => void = () => {};
  subscriptions = 0;
  #tearDown: () => void = () => {};

  constructor() {
    this.torndown = new Promise((resolve) => (this.#tearDown = resolve));
    this.begun = new Promise((resolve) => (this.begin = resolve));
    this.answered = new Promise((resolve) => (this.release = resolve));
    this.parts.on('error', () => {});
  }

  stream(): Observable<MessageEvent> {
    return new Observable((subscriber) => {
      this.subscriptions += 1;
      const subscription = this.events.subscribe((data) => subscriber.next({ data }));
      subscriber.next({ data: 'hello' });
      return () => {
        subscription.unsubscribe();
        this.#tearDown();
      };
    });
  }
}

@UseGuards(DpopGuard)
@Controller()
class StreamController {
  constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

  @Post('ticket')
  ticket(@Req() request: object): Promise<DpopTicket> {
    return this.tickets.issue(request, '/feed');
  }

  @Dpop({ ticket: 'allow', endAtExpiry: true })
  @Sse('feed')
  feed(): Observable<MessageEvent> {
    return stage.stream();
  }

  @Sse('endless')
  endless(): Observable<MessageEvent> {
    return stage.stream();
  }

  @Dpop({ endAtExpiry: true })
  @Get('download')
  download(): StreamableFile {
    return new StreamableFile(stage.parts, { length: 1000 });
  }

  @Dpop({ endAtExpiry: true })
  @Get('chunks')
  chunks(): StreamableFile {
    return new StreamableFile(stage.parts);
  }

  @Dpop({ endAtExpiry: true })
  @Get('late')
  async late(): Promise<string> {
    stage.begin();
    await stage.answered;
    return 'late';
  }

  @Dpop({ endAtExpiry: true })
  @Get('short')
  short(): string {
    return 'short';
  }
}

beforeAll(async () => {
  clock = new HandClock(START_MS);
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  clock.ms = START_MS;
  stage = new Stage();
  token = await issuer.issueToken({ client, expiresInSeconds: LIFETIME_SECONDS, claims: { jti: 'token-1' } });
});

afterEach(closeApps);

function start(
  platform: Platform,
  dpop: Partial<DpopModuleOptions> = {},
  options: StartOptions = {},
): Promise<RunningApp> {
  const all = withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...dpop });
  const root = createRootModule({ dpop: DpopModule.forRoot(all), controllers: [StreamController] });
  // Otherwise Node closes a connection that is idle, some seconds after the stream on it has ended.
  const before = (nest: INestApplication): void =>
    void ((nest.getHttpServer() as { keepAliveTimeout: number }).keepAliveTimeout = 0);
  return startApp(platform, root, { forceCloseConnections: true, before, ...options });
}

const sessionsOf = (app: RunningApp): DpopSessions => app.nest.get(DpopSessions, { strict: false });

/** The token expires, and the service looks. */
function expire(app: RunningApp): void {
  clock.ms = START_MS + LIFETIME_SECONDS * 1000;
  sessionsOf(app).tick();
}

async function open(app: RunningApp, path: string): Promise<Response> {
  return await fetch(app.url + path, {
    headers: { authorization: `DPoP ${token}`, dpop: await proofFor(client, { path, token }) },
  });
}

async function ticketUrl(app: RunningApp): Promise<string> {
  const { body } = await call(app, client, { method: 'POST', path: '/ticket', token });
  return `${app.url}/feed?ticket=${(body as DpopTicket).ticket}`;
}

/** The next event; `undefined` at the end of the stream. */
async function next(events: AsyncGenerator<string>): Promise<string | undefined> {
  const { value, done } = await events.next();
  return done === true ? undefined : value;
}

describe.each(PLATFORMS)('an event stream on %s (J2)', (platform) => {
  test('is opened by a ticket, and ends with the token; EventSource tries again, gets 401 and gives up', async () => {
    const app = await start(platform);
    const story = await runEventSource(await ticketUrl(app), (data) => {
      if (data === 'hello') stage.events.next('world');
      else expire(app);
    });
    expect(story).toEqual({ events: ['hello', 'world'], statuses: [200, 401] });
    await stage.torndown;
    expect(stage.subscriptions).toBe(1);
  });

  test('may be cached by nobody, says nothing in Referer, and keeps what proxies need', async () => {
    const app = await start(platform);
    const { headers, body } = await fetch(await ticketUrl(app));
    expect(headers.get('cache-control')).toMatch(/no-store.*no-transform/);
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-accel-buffering')).toBe('no');
    await body?.cancel();
    await stage.torndown;
  });

  test('goes on until the very second in which the token expires', async () => {
    const app = await start(platform);
    const response = await open(app, '/feed');
    const events = readEvents(response);
    expect(await next(events)).toBe('hello');
    clock.ms = START_MS + LIFETIME_SECONDS * 1000 - 1;
    sessionsOf(app).tick();
    stage.events.next('still here');
    expect(await next(events)).toBe('still here');
    expire(app);
    expect(await next(events)).toBeUndefined();
    await stage.torndown;
  });

  test('takes no harm from what the app sends at its end', async () => {
    const app = await start(platform);
    const events = readEvents(await open(app, '/feed'));
    expect(await next(events)).toBe('hello');
    expire(app);
    for (let i = 0; i < 100; i += 1) stage.events.next('too late');
    expect(await next(events)).toBeUndefined();
    await stage.torndown;
    stage.events.next('far too late');
    token = await issuer.issueToken({ client });
    expect(await call(app, client, { path: '/short', token })).toMatchObject({ status: 200 });
  });

  test('takes its connection with it, also if the client would keep that open: Nest waits for it', async () => {
    const app = await start(platform);
    const agent = new Agent({ keepAlive: true });
    const headers = {
      authorization: `DPoP ${token}`,
      dpop: await proofFor(client, { path: '/feed', token }),
    };
    const [response] = (await once(get(`${app.url}/feed`, { agent, headers }), 'response')) as [
      IncomingMessage,
    ];
    response.once('data', () => expire(app));
    await once(response, 'end');
    await stage.torndown;
    agent.destroy();
  });

  test('ends when its token is revoked', async () => {
    const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
    const app = await start(platform, { revocation });
    const events = readEvents(await open(app, '/feed'));
    expect(await next(events)).toBe('hello');
    for (let i = 0; i < 5; i += 1) sessionsOf(app).tick();
    stage.events.next('world');
    expect(await next(events)).toBe('world');
    await revocation.revoke({ issuer: issuer.issuer, jti: 'token-1' });
    for (let i = 0; i < 5; i += 1) sessionsOf(app).tick();
    expect(await next(events)).toBeUndefined();
    await stage.torndown;
  });

  test('outlives its token on a route that does not say otherwise', async () => {
    const app = await start(platform);
    const response = await open(app, '/endless');
    const events = readEvents(response);
    expect(await next(events)).toBe('hello');
    expire(app);
    stage.events.next('world');
    expect(await next(events)).toBe('world');
    await events.return(undefined);
    await stage.torndown;
  });
});

describe.each(PLATFORMS)('a download on %s (J2)', (platform) => {
  test.each(['/download', '/chunks'])(
    '%s is cut off when its token expires, so that no part is taken for the whole',
    async (path) => {
      const app = await start(platform);
      stage.parts.push('a'.repeat(100));
      const response = await open(app, path);
      const reader = response.body?.getReader();
      const { value } = (await reader?.read()) ?? {};
      expect(Buffer.from(value ?? [])).toHaveLength(100);
      const rest = reader?.read();
      expire(app);
      await expect(rest).rejects.toThrow();
      token = await issuer.issueToken({ client });
      expect(await call(app, client, { path: '/short', token })).toMatchObject({ status: 200 });
    },
  );

  test('is whole if it ends before, and its connection serves the next request', async () => {
    const app = await start(platform);
    stage.parts.push('a'.repeat(1000));
    stage.parts.push(null);
    const response = await open(app, '/download');
    expect(await response.text()).toHaveLength(1000);
    expect(await (await open(app, '/short')).text()).toBe('short');
    expire(app);
    token = await issuer.issueToken({ client });
    expect(await call(app, client, { path: '/short', token })).toMatchObject({ status: 200 });
  });

  test('that has not begun is cut off, too', async () => {
    const app = await start(platform);
    const outcome = open(app, '/late').then(
      () => 'answered',
      () => 'cut off',
    );
    await stage.begun;
    expire(app);
    expect(await outcome).toBe('cut off');
    stage.release();
    token = await issuer.issueToken({ client });
    expect(await call(app, client, { path: '/short', token })).toMatchObject({ status: 200 });
  });
});

describe('over HTTP/2 (J2)', () => {
  async function openHttp2(
    path: string,
  ): Promise<{ app: RunningApp; session: ClientHttp2Session; stream: ClientHttp2Stream }> {
    // The types of Nest's adapter know the options of HTTP/1 only.
    const adapter = new FastifyAdapter({ http2: true } as object);
    const app = await start('fastify', {}, { adapter });
    const session = connectHttp2(app.url);
    const proof = await proofFor(client, { path, token });
    const stream = session.request({ ':path': path, authorization: `DPoP ${token}`, dpop: proof });
    return { app, session, stream };
  }

  test('an event stream ends in good order', async () => {
    const { app, session, stream } = await openHttp2('/feed');
    const events: string[] = [];
    for await (const chunk of stream) {
      events.push(String(chunk));
      if (events.join('').includes('hello')) expire(app);
    }
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    stage.events.next('too late');
    session.destroy();
    await stage.torndown;
  });

  test('a download is reset', async () => {
    stage.parts.push('a'.repeat(100));
    const { app, session, stream } = await openHttp2('/download');
    stream.on('error', () => {});
    stream.once('data', () => expire(app));
    await once(stream, 'close');
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    session.destroy();
  });
});
