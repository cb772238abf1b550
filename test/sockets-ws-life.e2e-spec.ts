import { type EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Module, type Type, UseGuards } from '@nestjs/common';
import {
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopSessions,
  MemoryDenyList,
  Require,
} from 'nestjs-dpop';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';
import { open, openWith, terminateSockets } from './support/web-sockets.js';

const clock = new HandClock();
let issuer: TestIssuer;
let client: TestClient;
let token: string;
let seen: unknown[] = [];
/** While set, handshakes wait for it at the end of their verification. */
let gate: Promise<void> | undefined;
let openGate: () => void = () => undefined;
/** How many handshakes have come to the gate. */
let arrived = 0;
const servers: EventEmitter[] = [];
const rawSockets: Socket[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  seen = [];
  arrived = 0;
  gate = undefined;
  token = await issuer.issueToken({ client, claims: { sid: 'session-1' } });
});

afterEach(async () => {
  openGate();
  terminateSockets();
  for (const socket of rawSockets.splice(0)) socket.destroy();
  await closeApps();
});

function closeGate(): void {
  gate = new Promise((resolve) => {
    openGate = resolve;
  });
}

async function isGateOpen(): Promise<boolean> {
  arrived += 1;
  await gate;
  return true;
}

@Require(isGateOpen)
@WebSocketGateway({ path: '/feed' })
class FeedGateway implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect {
  afterInit(server: EventEmitter): void {
    servers.push(server);
  }

  handleConnection(): void {
    seen.push('opened');
  }

  handleDisconnect(): void {
    seen.push('closed');
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    seen.push(data);
    return { event: 'echo', data };
  }

  @UseGuards(DpopGuard)
  @SubscribeMessage('whoami')
  whoAmI(@DpopBound() jkt: string): unknown {
    return { event: 'whoami', data: jkt };
  }
}

describe.each(PLATFORMS)('the life of a socket of ws, on %s (J1)', (platform) => {
  let app: RunningApp;
  let logger: LogCollector;

  async function start(
    dpop: Partial<DpopModuleOptions> = {},
    gateways: readonly Type[] = [FeedGateway],
  ): Promise<void> {
    const options = withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...dpop });
    @Module({ imports: [DpopModule.forRoot(options)], providers: [...gateways] })
    class AppModule {}
    logger = new LogCollector();
    app = await startApp(platform, AppModule, {
      logger,
      before: (nest) => nest.useWebSocketAdapter(new DpopWsAdapter(nest)),
    });
  }

  const sessions = (): DpopSessions => app.nest.get(DpopSessions);
  const openFeed = (overrides: { readonly token?: string } = {}) =>
    openWith(app, client, { path: '/feed', token, ...overrides });

  /** A handshake, and what a client sends behind it. */
  async function connectRaw(behind: Uint8Array | string = ''): Promise<Socket> {
    const proof = await proofFor(client, { path: '/feed', token });
    const head = [
      'GET /feed HTTP/1.1',
      `Host: 127.0.0.1:${app.port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      `Authorization: DPoP ${token}`,
      `DPoP: ${proof}`,
    ];
    const socket = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true });
    rawSockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(behind)]));
    return socket;
  }

  describe('it ends with its token', () => {
    test('within a second after the token expired, with 4401 and the reason', async () => {
      await start();
      const { socket } = await openFeed();
      clock.advanceSeconds(299);
      sessions().tick();
      expect(await socket.ask('whoami')).toEqual({ event: 'whoami', data: client.jkt });
      clock.advanceSeconds(1);
      sessions().tick();
      expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
      await waitFor(() => seen.includes('closed'));
    });

    test('within five seconds after the token was revoked', async () => {
      const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
      await start({ revocation });
      const { socket } = await openFeed();
      await revocation.revoke({ issuer: issuer.issuer, sid: 'session-1' });
      expect(await socket.ask('whoami')).toMatchObject({
        event: 'exception',
        data: { status: 'error', code: 'invalid_token' },
      });
      for (let tick = 0; tick < 5; tick += 1) sessions().tick();
      expect(await socket.closed).toEqual({ code: 4401, reason: 'token_revoked' });
    });

    test('and no message is handled after it, although the client does not answer the close frame', async () => {
      await start();
      const { socket } = await openFeed();
      // The client reads nothing, and so never answers.
      socket.ws.pause();
      clock.advanceSeconds(300);
      sessions().tick();
      socket.send('echo', 'too late');
      const other = await openWith(app, client, {
        path: '/feed',
        token: await issuer.issueToken({ client }),
      });
      // What was sent before has arrived by now.
      for (const data of ['a', 'b', 'c']) await other.socket.ask('echo', data);
      expect(seen).toEqual(['opened', 'opened', 'a', 'b', 'c']);
      socket.ws.resume();
      expect(await socket.closed).toMatchObject({ code: 4401 });
    });

    test('a socket that the client closes is forgotten', async () => {
      await start();
      const { socket } = await openFeed();
      socket.ws.close();
      await socket.closed;
      await waitFor(() => seen.includes('closed'));
      clock.advanceSeconds(300);
      sessions().tick();
      expect(logger.lines.filter((line) => line.startsWith('error'))).toStrictEqual([]);
    });
  });

  describe('while its handshake is verified', () => {
    beforeEach(async () => {
      closeGate();
      await start();
    });

    test('no message is lost, and none is handled before', async () => {
      const frames = ['one', 'two'].map((data) => frameOf(JSON.stringify({ event: 'echo', data })));
      const socket = await connectRaw(Buffer.concat(frames));
      await waitFor(() => arrived === 1);
      socket.write(frameOf(JSON.stringify({ event: 'echo', data: 'three' })));
      expect(seen).toStrictEqual([]);
      openGate();
      await waitFor(() => seen.length === 4);
      expect(seen).toEqual(['opened', 'one', 'two', 'three']);
    });

    test.each([
      ['resets the connection', (socket: Socket) => void socket.resetAndDestroy()],
      ['closes the connection', (socket: Socket) => void socket.destroy()],
    ])('a client that %s opens no socket, and the process lives', async (_what, end) => {
      const socket = await connectRaw();
      await waitFor(() => arrived === 1);
      end(socket);
      await once(socket, 'close');
      openGate();
      await assertAlive();
      expect(seen.filter((entry) => entry === 'opened')).toHaveLength(seen.includes('closed') ? 2 : 1);
    });

    test('a client that says no more, but reads, is closed', async () => {
      const socket = await connectRaw();
      await waitFor(() => arrived === 1);
      socket.end();
      socket.resume();
      const ended = once(socket, 'end');
      openGate();
      await ended;
      await assertAlive();
    });

    test('a client that sends garbage is closed, and the process lives', async () => {
      const socket = await connectRaw(Buffer.alloc(4096, 0xff));
      await waitFor(() => arrived === 1);
      socket.write(Buffer.alloc(65_536, 0xff));
      socket.resume();
      const ended = once(socket, 'end');
      openGate();
      await ended;
      await assertAlive();
      expect(seen.filter((entry) => typeof entry !== 'string')).toStrictEqual([]);
    });

    test('an app that shuts down opens no socket any more, and does not wait for clients', async () => {
      const pending = openFeed();
      pending.catch(() => undefined);
      await waitFor(() => arrived === 1);
      const ended = once(servers.at(-1) as EventEmitter, 'close');
      const closed = app.close();
      await ended;
      openGate();
      await closed;
      expect(await pending).toMatchObject({ status: 503 });
      expect(seen).toStrictEqual([]);
    });
  });

  test('half-open clients that send no whole head keep no one out', async () => {
    await start();
    const halves = Array.from({ length: 100 }, () => {
      const socket = connect(app.port, '127.0.0.1');
      rawSockets.push(socket);
      socket.on('error', () => undefined);
      socket.write('GET /feed HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: webso');
      return once(socket, 'connect');
    });
    await Promise.all(halves);
    await assertAlive();
  });

  test('a thousand handshakes at once: each good one opens its socket, each bad one is refused', async () => {
    await start();
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        const answer = index % 2 === 0 ? await openFeed() : await open(app, { path: '/feed' });
        return answer.status;
      }),
    );
    expect(outcomes.filter((status) => status === 101)).toHaveLength(500);
    expect(outcomes.filter((status) => status === 401)).toHaveLength(500);
    expect(seen.filter((entry) => entry === 'opened')).toHaveLength(500);
  });

  /** Another client is served. */
  async function assertAlive(): Promise<void> {
    const { status, socket } = await openFeed();
    expect(status).toBe(101);
    expect(await socket.ask('whoami')).toEqual({ event: 'whoami', data: client.jkt });
    socket.ws.terminate();
  }
});

/** A masked text frame (RFC 6455 §5.2) of less than 126 octets; the mask is zero. */
function frameOf(message: string): Buffer {
  const payload = Buffer.from(message);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

/** Lets the event loop turn until it is so. The test ends by its timeout otherwise. */
async function waitFor(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}
