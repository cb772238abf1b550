import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Module, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { HandClock } from '../../test/support/hand-clock.js';
import { LogCollector } from '../../test/support/log-collector.js';
import { ORIGIN } from '../../test/support/origin.js';
import { closeApps, type RunningApp, startApp } from '../../test/support/running-app.js';
import { open, openWith, terminateSockets } from '../../test/support/web-sockets.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { getDpopVerdict } from '../guard/get-dpop-verdict.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import { isVerifying } from '../handshake/verifying-adapter.js';
import { DpopModule } from '../module/dpop.module.js';
import { NonceService } from '../nonce/nonce.service.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { TestClient, TestIssuer } from '../testing/index.js';
import { DpopWsAdapter } from './dpop-ws.adapter.js';

const clock = new HandClock();
let issuer: TestIssuer;
let client: TestClient;
let token: string;
let log: LogCollector;
let seen: unknown[];

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  seen = [];
  log = new LogCollector();
  token = await issuer.issueToken({ client, scopes: ['feed'] });
});

afterEach(async () => {
  terminateSockets();
  await closeApps();
});

class Feed implements OnGatewayConnection {
  handleConnection(_socket: object, request: object): void {
    seen.push(getDpopVerdict(request)?.jkt);
  }

  @UseGuards(DpopGuard)
  @SubscribeMessage('whoami')
  whoAmI(@DpopBound() jkt: string): unknown {
    return { event: 'whoami', data: jkt };
  }
}

@RequireScopes('feed')
@WebSocketGateway({ path: '/feed' })
class FeedGateway extends Feed {}

@SkipDpop()
@WebSocketGateway({ path: '/open' })
class OpenGateway extends Feed {}

const optionsWith = (dpop: Partial<DpopModuleOptions>): DpopModuleOptions => ({
  origin: ORIGIN,
  accessToken: issuer.accessToken,
  clock: clock.read,
  ...dpop,
});

async function start(
  gateways: readonly Type[] = [FeedGateway],
  dpop: Partial<DpopModuleOptions> = {},
): Promise<RunningApp> {
  @Module({ imports: [DpopModule.forRoot(optionsWith(dpop))], providers: [...gateways] })
  class AppModule {}
  return await startApp('express', AppModule, {
    logger: log,
    before: (nest) => nest.useWebSocketAdapter(new DpopWsAdapter(nest)),
  });
}

const enter = (app: { readonly url: string }, path = '/feed', options: { nonce?: string } = {}) =>
  openWith(app, client, { path, token, ...options });

describe('an adapter for ws (J1)', () => {
  test('promises that it verifies each handshake', async () => {
    const { nest } = await start();
    expect(isVerifying(new DpopWsAdapter(nest))).toBe(true);
  });

  test('must be given an app with DpopModule (D9)', async () => {
    @Module({})
    class EmptyModule {}
    const app = await NestFactory.createApplicationContext(EmptyModule, { logger: false });
    expect(() => new DpopWsAdapter(app)).toThrow(/^DpopWsAdapter must be given the app/);
    await app.close();
  });

  test('takes no server that it has not created', async () => {
    const { nest } = await start();
    const adapter = new DpopWsAdapter(nest);
    expect(() => adapter.create(0, { server: {} })).toThrow(
      new TypeError(
        'DpopWsAdapter verifies the handshakes of servers that it creates itself: leave out the option server',
      ),
    );
    expect(adapter.create(0)).toBeDefined();
  });

  test('takes the options of WsAdapter', async () => {
    const messageParser = () => ({ event: 'whoami', data: {} });
    @Module({ imports: [DpopModule.forRoot(optionsWith({}))], providers: [FeedGateway] })
    class AppModule {}
    const app = await startApp('express', AppModule, {
      before: (nest) => nest.useWebSocketAdapter(new DpopWsAdapter(nest, { messageParser })),
    });
    const { socket } = await enter(app);
    expect(await socket.ask('other')).toEqual({ event: 'whoami', data: client.jkt });
  });
});

describe('a handshake (J1)', () => {
  test('with a token and a proof opens the socket, and its messages know the client', async () => {
    const app = await start();
    const { status, nonce, socket } = await enter(app);
    expect({ status, nonce, seen }).toEqual({ status: 101, nonce: undefined, seen: [client.jkt] });
    expect(await socket.ask('whoami')).toEqual({ event: 'whoami', data: client.jkt });
  });

  test('without them is refused, and no hook runs', async () => {
    const app = await start();
    expect(await open(app, { path: '/feed' })).toMatchObject({ status: 401, code: 'credentials_missing' });
    expect(seen).toStrictEqual([]);
    expect(log.text).toContain('on GET /feed (FeedGateway)');
  });

  test('needs nothing where @SkipDpop opens the path, and its token ends nothing', async () => {
    const app = await start([OpenGateway, FeedGateway]);
    expect(await open(app, { path: '/open' })).toMatchObject({ status: 101 });
    expect(seen).toStrictEqual([undefined]);
    expect(await open(app, { path: '/feed' })).toMatchObject({ status: 401 });
  });

  test.each([
    ['/feed', '//feed/'],
    ['feed', '/feed'],
    ['/', undefined],
    ['', '//'],
    ['/a/b', 'a//b/'],
  ])('must meet the gateways of the paths %j and %j together', async (first, second) => {
    const gatewayAt = (path: string | undefined, scope: string) => {
      class Gateway {}
      WebSocketGateway(path === undefined ? {} : { path })(Gateway);
      RequireScopes(scope)(Gateway);
      return Gateway;
    };
    const app = await start([gatewayAt(first, 'feed'), gatewayAt(second, 'audit')]);
    const answer = await enter(app, `/${first}`.replaceAll(/\/+/g, '/'));
    expect(answer).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(answer.challenge).toContain('scope="feed audit"');
  });

  test('meets those of its own path and port alone', async () => {
    const port = await findFreePort();
    @RequireScopes('other')
    @WebSocketGateway(port, { path: '/feed' })
    class OtherPortGateway {}
    @RequireScopes('other')
    @WebSocketGateway({ path: '/fe/ed' })
    class OtherPathGateway {}
    const app = await start([FeedGateway, OtherPortGateway, OtherPathGateway]);
    expect(await enter(app)).toMatchObject({ status: 101 });
    const other = await enter({ url: `http://127.0.0.1:${port}` });
    expect(other).toMatchObject({ status: 403 });
    expect(other.challenge).toContain('scope="other"');
  });

  test('with a ticket as its only sub-protocol is refused where tickets are taken, before it is spent (J2)', async () => {
    @Dpop({ ticket: 'allow' })
    class TicketGateway extends FeedGateway {}
    const opening = { path: '/feed', protocols: ['ticket.x'] };
    expect(await open(await start([TicketGateway]), opening)).toMatchObject({ status: 400 });
    expect(await open(await start(), opening)).toMatchObject({ status: 401, code: 'credentials_missing' });
  });

  test('is answered with a sub-protocol that is no ticket, of the choice of the app', async () => {
    const handleProtocols = (offered: Set<string>) => [...offered].at(-1);
    @WebSocketGateway({ path: '/chosen', handleProtocols })
    class ChoosingGateway {}
    const app = await start([FeedGateway, ChoosingGateway]);
    const protocols = ['a', 'b', 'ticket.x'];
    for (const [path, chosen] of [
      ['/feed', 'a'],
      ['/chosen', 'b'],
    ] as const) {
      const { headers } = await openWith(app, client, { path, token, protocols });
      expect(headers['sec-websocket-protocol']).toBe(chosen);
    }
  });
});

describe('verifyClient of the app (J1)', () => {
  const startAsking = (verifyClient: (info: { readonly req: IncomingMessage }) => unknown) => {
    @WebSocketGateway({ path: '/feed', verifyClient })
    class AskingGateway extends Feed {}
    return start([AskingGateway]);
  };

  test('is asked last', async () => {
    const app = await startAsking(({ req }) => getDpopVerdict(req)?.jkt === 'another');
    expect(await open(app, { path: '/feed' })).toMatchObject({ code: 'credentials_missing' });
    expect(await enter(app)).toMatchObject({ status: 401, code: undefined });
  });

  test('that throws is a failure of the service, with the name of the gateway (D9)', async () => {
    const app = await startAsking(() => {
      throw new Error('quoted by the app');
    });
    expect(await enter(app)).toMatchObject({ status: 503, code: 'temporarily_unavailable' });
    expect(log.text).toMatch(
      /internal_failure; Error.* on GET \/feed \(AskingGateway\)|AskingGateway.*internal_failure/,
    );
    expect(log.text).not.toContain('quoted');
  });
});

describe('the next nonce (E4)', () => {
  async function openWithOldNonce(before: (app: RunningApp) => void = () => undefined) {
    const app = await start([FeedGateway], { nonce: { mode: 'required', lifetimeSeconds: 60 } });
    clock.ms = HandClock.atWindow(60).ms;
    token = await issuer.issueToken({ client, scopes: ['feed'] });
    const { nonce = '' } = await enter(app);
    clock.advanceSeconds(61);
    before(app);
    return { nonce, opening: enter(app, '/feed', { nonce }) };
  }

  test('comes with the 101', async () => {
    const { nonce, opening } = await openWithOldNonce();
    const { status, nonce: next } = await opening;
    expect({ status, next }).toEqual({ status: 101, next: expect.any(String) });
    expect(next).not.toBe(nonce);
  });

  test('opens no socket if it would break the head', async () => {
    const { opening } = await openWithOldNonce((app) => {
      app.nest.get(NonceService).issue = () => 'nonce\r\nSet-Cookie: a=b';
    });
    await expect(opening).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(seen).toStrictEqual([]);
  });
});

describe('a socket whose token has ended (J1)', () => {
  function endToken(app: RunningApp): void {
    clock.advanceSeconds(3600);
    app.nest.get(DpopSessions).tick();
  }

  test('is closed', async () => {
    const app = await start();
    const { socket } = await enter(app);
    endToken(app);
    await expect(socket.ask('whoami')).rejects.toThrow('closed with 4401');
    expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
  });

  test('stays open where the gateway only reports, and where it is open (K1)', async () => {
    @Dpop({ enforcement: 'report' })
    @WebSocketGateway({ path: '/reported' })
    class ReportingGateway extends Feed {}
    const app = await start([ReportingGateway, OpenGateway]);
    for (const path of ['/reported', '/open']) {
      const { socket } = await enter(app, path);
      endToken(app);
      // Answered by the guard: the handshake of an open path was not verified.
      expect(await socket.ask('whoami')).toBeDefined();
      token = await issuer.issueToken({ client, scopes: ['feed'] });
    }
  });

  test('of nobody has none', async () => {
    @Dpop({ anonymous: 'allow' })
    class PublicGateway extends FeedGateway {}
    const app = await start([PublicGateway]);
    expect(await open(app, { path: '/feed' })).toMatchObject({ status: 101 });
    expect(seen).toStrictEqual([undefined]);
  });
});

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
