import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type DynamicModule, Module, type Type, UseGuards } from '@nestjs/common';
import {
  type OnGatewayConnection,
  type OnGatewayInit,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopSessions,
  getDpopVerdict,
  MemoryDenyList,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { DpopIoAdapter, type DpopIoAdapterOptions } from 'nestjs-dpop/platform-socket.io';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { askUpgrade, IoClients, next } from './support/io-clients.js';
import { LogCollector } from './support/log-collector.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

const PATH = '/socket.io/';

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let thief: TestClient;
let token: string;
let ran: string[];
const clients = new IoClients();

beforeEach(async () => {
  clock = HandClock.atWindow(120);
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
  thief = await TestClient.create({ clock: clock.read });
  token = await issuer.issueToken({ client });
  ran = [];
});

afterEach(async () => {
  clients.close();
  await closeApps();
});

interface Connected {
  readonly nsp: { readonly name: string };
  readonly request: object;
}

class Recording implements OnGatewayConnection {
  handleConnection(socket: Connected): void {
    ran.push(`${socket.nsp.name} ${getDpopVerdict(socket.request)?.jkt ?? 'open'}`);
  }
}

@UseGuards(DpopGuard)
@WebSocketGateway()
class RootGateway extends Recording {
  @SubscribeMessage('whoami')
  whoami(@DpopBound() jkt: string): string {
    ran.push('whoami');
    return jkt;
  }

  @RequireScopes('write')
  @SubscribeMessage('write')
  write(): string {
    ran.push('write');
    return 'written';
  }
}

@RequireScopes('orders')
@UseGuards(DpopGuard)
@WebSocketGateway({ namespace: 'orders' })
class OrdersGateway extends Recording {}

@RequireScopes('rooms')
@UseGuards(DpopGuard)
@WebSocketGateway({ namespace: /^\/room-\d+$/g })
class RoomsGateway extends Recording {}

@SkipDpop()
@WebSocketGateway({ namespace: 'open' })
class OpenGateway extends Recording {}

@Dpop({ nonce: 'required' })
@UseGuards(DpopGuard)
@WebSocketGateway()
class NonceGateway extends Recording {}

@Dpop({ enforcement: 'report' })
@WebSocketGateway({ namespace: 'reported' })
class ReportingGateway extends Recording {}

@Dpop({ anonymous: 'allow' })
@WebSocketGateway({ namespace: 'public' })
class PublicGateway extends Recording {}

@SkipDpop()
@WebSocketGateway()
class HalfOpenGateway {
  @UseGuards(DpopGuard)
  @SubscribeMessage('whoami')
  whoami(): void {
    ran.push('whoami');
  }
}

@UseGuards(DpopGuard)
@WebSocketGateway()
class DynamicGateway implements OnGatewayInit {
  afterInit(server: { of(name: string | RegExp): { on(event: string, listener: () => void): void } }): void {
    for (const name of ['/made-by-the-app', /^\/dynamic-\d+$/])
      server.of(name).on('connection', () => ran.push('connection'));
  }
}

interface Setup {
  readonly dpop?: Partial<DpopModuleOptions>;
  readonly gateways?: readonly Type[];
  readonly adapter?: DpopIoAdapterOptions;
  readonly logger?: LogCollector;
}

function moduleOf({ dpop, gateways = [RootGateway, OrdersGateway, RoomsGateway, OpenGateway] }: Setup): Type {
  const imports: DynamicModule[] = [
    DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...dpop })),
  ];
  @Module({ imports, providers: [...gateways] })
  class AppModule {}
  return AppModule;
}

describe.each(PLATFORMS)('socket.io on %s (J1)', (platform) => {
  const start = (setup: Setup = {}): Promise<RunningApp> =>
    startApp(platform, moduleOf(setup), {
      ...(setup.logger !== undefined && { logger: setup.logger }),
      before: (nest) => nest.useWebSocketAdapter(new DpopIoAdapter(nest, setup.adapter)),
    });

  /** The headers of a handshake that passes, unless the options change it. */
  const handshake = async (options: Call & { readonly by?: TestClient } = {}) => {
    const { by = client, ...call } = options;
    return {
      authorization: `DPoP ${call.token ?? token}`,
      dpop: call.proof ?? (await proofFor(by, { path: PATH, token, ...call })),
    };
  };

  test('a handshake with a bound token and a proof opens, and handlers find its verdict', async () => {
    const app = await start();
    const { socket, error } = await clients.connect(app, { headers: await handshake() });
    expect(error).toBeUndefined();
    expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    expect(ran).toEqual([`/ ${client.jkt}`, 'whoami', 'whoami']);
  });

  describe('refuses before the upgrade, as any GET', () => {
    interface Row {
      readonly headers: () => Promise<Record<string, string>>;
      readonly status?: number;
      readonly code: string;
      readonly challenge?: string;
      readonly target?: string;
    }
    const rows: Readonly<Record<string, Row>> = {
      'no credentials': {
        headers: () => Promise.resolve({}),
        code: 'credentials_missing',
        challenge: 'DPoP algs=',
      },
      'a stolen token without a proof': {
        headers: () => Promise.resolve({ authorization: `DPoP ${token}` }),
        code: 'invalid_dpop_proof',
      },
      "a stolen token with the thief's key": {
        headers: () => handshake({ by: thief }),
        code: 'invalid_token',
      },
      'a stolen token as Bearer': {
        headers: () => Promise.resolve({ authorization: `Bearer ${token}` }),
        code: 'invalid_token',
      },
      'a proof for the path without its slash': {
        headers: () => handshake({ path: '/socket.io' }),
        code: 'invalid_dpop_proof',
      },
      'a proof for another path': {
        headers: () => handshake({ path: '/accounts' }),
        code: 'invalid_dpop_proof',
      },
      'a proof for wss': {
        headers: () => handshake({ origin: 'wss://api.example.com' }),
        code: 'invalid_dpop_proof',
      },
      'a proof for a POST': { headers: () => handshake({ method: 'POST' }), code: 'invalid_dpop_proof' },
      'a proof for another token': {
        headers: async () => handshake({ claims: { ath: 'x'.repeat(43) } }),
        code: 'invalid_dpop_proof',
      },
      'an old proof': {
        headers: () => handshake({ claims: { iat: clock.ms / 1000 - 3600 } }),
        code: 'invalid_dpop_proof',
      },
      'an expired token': {
        headers: async () => {
          const expired = await issuer.issueToken({ client, expiresInSeconds: -60 });
          return handshake({ token: expired });
        },
        code: 'invalid_token',
      },
      'two proofs': {
        headers: async () => {
          const { authorization, dpop } = await handshake();
          return { authorization, dpop: `${dpop}, ${dpop}` };
        },
        status: 400,
        code: 'invalid_dpop_proof',
      },
      'a path below that of the server, which engine.io takes for its own': {
        headers: () => handshake(),
        target: '/socket.io/../accounts?EIO=4&transport=websocket',
        status: 400,
        code: 'invalid_request',
      },
    };
    test.each(Object.entries(rows))(
      '%s',
      async (_what, { headers, status = 401, code, challenge, target }) => {
        const app = await start();
        const answer = await askUpgrade(app.port, await headers(), target);
        expect(answer).toMatchObject({ status: code === 'invalid_dpop_proof' ? 401 : status });
        expect(JSON.parse(answer.body)).toMatchObject({ statusCode: answer.status, code });
        if (answer.status === 401)
          expect(answer.headers['www-authenticate']).toContain(challenge ?? `error="${code}"`);
        expect(answer.headers).toMatchObject({ connection: 'close', 'cache-control': 'no-store' });
        expect(answer.nonce).toBeUndefined();
        expect(ran).toStrictEqual([]);
        expect((await askUpgrade(app.port, await handshake())).status).toBe(101);
      },
    );
  });

  test('a proof opens one connection (F1)', async () => {
    const app = await start();
    const headers = await handshake();
    expect((await askUpgrade(app.port, headers)).status).toBe(101);
    const answer = await askUpgrade(app.port, headers);
    expect(answer).toMatchObject({ status: 401, nonce: undefined });
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_dpop_proof' });
  });

  test.each<readonly [string, Setup]>([
    ['the service', { dpop: { nonce: 'required' } }],
    ['a gateway', { gateways: [NonceGateway, OrdersGateway] }],
  ])('a nonce that %s demands comes with the refusal, and the second try opens (E1)', async (_who, setup) => {
    const app = await start(setup);
    const refused = await askUpgrade(app.port, await handshake());
    const nonce = String(refused.nonce);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="use_dpop_nonce"');
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'use_dpop_nonce' });
    const opened = await askUpgrade(app.port, await handshake({ nonce }));
    expect(opened).toMatchObject({ status: 101, nonce: undefined });
    expect(ran).toStrictEqual([]);
  });

  test('the 101 brings the next nonce before the present one expires (E4)', async () => {
    const app = await start({ dpop: { nonce: { mode: 'required', lifetimeSeconds: 120 } } });
    const { nonce = '' } = await askUpgrade(app.port, await handshake());
    clock.advanceSeconds(120);
    const opened = await askUpgrade(app.port, await handshake({ nonce }));
    expect(opened.status).toBe(101);
    expect(opened.nonce).not.toBe(nonce);
    const again = await handshake({ nonce: opened.nonce ?? '' });
    expect(await askUpgrade(app.port, again)).toMatchObject({ status: 101, nonce: undefined });
  });

  describe('a namespace', () => {
    test.each<readonly [string, string, string]>([
      ['/orders', 'orders', 'scope="orders"'],
      ['/room-7', 'rooms', 'scope="rooms"'],
    ])('%s is entered only with the scope of its gateway', async (namespace, scope, challenge) => {
      const app = await start();
      const { socket, error } = await clients.connect(app, { namespace, headers: await handshake() });
      expect(socket.connected).toBe(false);
      expect(error?.message).toBe('The access token lacks a required scope');
      expect(error?.data).toEqual({
        code: 'insufficient_scope',
        statusCode: 403,
        challenge: expect.stringContaining(challenge),
      });
      expect(ran).toStrictEqual([]);
      token = await issuer.issueToken({ client, scopes: [scope] });
      // Twice: an expression with the flag g would let in every other client only.
      for (let i = 0; i < 2; i += 1) {
        const entered = await clients.connect(app, { namespace, headers: await handshake() });
        expect(entered.error).toBeUndefined();
      }
      expect(ran).toEqual([`${namespace} ${client.jkt}`, `${namespace} ${client.jkt}`]);
    });

    test('is checked on its own, for each that shares a connection', async () => {
      const app = await start();
      token = await issuer.issueToken({ client, scopes: ['orders'] });
      const { socket } = await clients.connect(app, { headers: await handshake() });
      expect((await clients.join(socket, '/orders')).error).toBeUndefined();
      expect((await clients.join(socket, '/open')).error).toBeUndefined();
      expect((await clients.join(socket, '/room-1')).error?.data).toMatchObject({
        code: 'insufficient_scope',
      });
      expect(ran).toEqual([`/ ${client.jkt}`, `/orders ${client.jkt}`, `/open ${client.jkt}`]);
    });

    test('of @SkipDpop needs a verified connection, since it shares it with others', async () => {
      const app = await start();
      const { error } = await clients.connect(app, { namespace: '/open' });
      expect(error).toBeDefined();
      expect(ran).toStrictEqual([]);
    });

    test('is open without credentials if @SkipDpop opens all gateways of the server', async () => {
      const app = await start({ gateways: [OpenGateway] });
      const open = await clients.connect(app, { namespace: '/open' });
      expect(open.error).toBeUndefined();
      // As the adapter of Nest has it: with polling, and the upgrade that follows.
      const polled = await clients.connect(app, { namespace: '/open', transports: ['polling', 'websocket'] });
      expect(polled.error).toBeUndefined();
      expect((await clients.join(open.socket, '/')).error?.message).toBe('Invalid namespace');
      expect(ran).toEqual(['/open open', '/open open']);
    });

    test('without a gateway is closed, and the log says what to do', async () => {
      const logger = new LogCollector();
      const app = await start({ gateways: [DynamicGateway], logger });
      for (const namespace of ['/made-by-the-app', '/dynamic-1', '/dynamic-2']) {
        const { error } = await clients.connect(app, { namespace, headers: await handshake() });
        expect(error?.message).toBe('Invalid namespace');
        expect(error?.data).toEqual({ code: 'invalid_request', statusCode: 400 });
      }
      expect(ran).toStrictEqual([]);
      expect(logger.lines.filter((line) => line.includes('namespace without a gateway'))).toHaveLength(1);
      expect(logger.text).not.toContain('dynamic-1');
    });
  });

  describe('messages', () => {
    test('for a handler whose policy is not met are answered with an exception, and it does not run', async () => {
      const app = await start();
      const { socket } = await clients.connect(app, { headers: await handshake() });
      const exception = next(socket, 'exception');
      socket.emit('write', { secret: 'echo' });
      expect(await exception).toEqual({
        status: 'error',
        code: 'insufficient_scope',
        message: 'The access token lacks a required scope',
      });
      expect(ran).toEqual([`/ ${client.jkt}`]);
      token = await issuer.issueToken({ client, scopes: ['write'] });
      const allowed = await clients.connect(app, { headers: await handshake() });
      expect(await allowed.socket.emitWithAck('write')).toBe('written');
    });

    test('on an open gateway are refused by a guard on the handler, without credentials', async () => {
      const app = await start({ gateways: [HalfOpenGateway] });
      const { socket } = await clients.connect(app);
      const exception = next(socket, 'exception');
      socket.emit('whoami');
      expect(await exception).toMatchObject({ status: 'error', code: 'credentials_missing' });
      expect(ran).toStrictEqual([]);
    });
  });

  describe('a gateway that only reports (K1)', () => {
    const gateways = [ReportingGateway, RootGateway];

    test('refuses nothing, polling neither, and ends no socket', async () => {
      const app = await start({ gateways: [ReportingGateway] });
      const transports = ['polling', 'websocket'];
      const stranger = await clients.connect(app, { namespace: '/reported', transports });
      expect(stranger.error).toBeUndefined();
      const headers = await handshake();
      const known = await clients.connect(app, { namespace: '/reported', transports, headers });
      expect(known.error).toBeUndefined();
      expect((await clients.join(known.socket, '/')).error).toBeUndefined();
      expect(ran).toEqual(['/reported open', `/reported ${client.jkt}`]);
      clock.advanceSeconds(3600);
      app.nest.get(DpopSessions).tick();
      expect((await clients.join(known.socket, '/other')).error?.message).toBe('Invalid namespace');
      expect(known.socket.connected).toBe(true);
    });

    test('opens no other namespace of its server', async () => {
      const app = await start({ gateways });
      const { socket, error } = await clients.connect(app, { namespace: '/reported' });
      expect(error).toBeUndefined();
      const { error: refused } = await clients.join(socket, '/');
      expect(refused?.data).toMatchObject({ code: 'credentials_missing', statusCode: 401 });
      expect(ran).toEqual(['/reported open']);
    });

    test('keeps its sockets when the token ends, and those of other namespaces end', async () => {
      const app = await start({ gateways });
      const { socket } = await clients.connect(app, { headers: await handshake() });
      const reported = await clients.join(socket, '/reported');
      const told = next(socket, 'exception');
      const ended = next(socket, 'disconnect');
      clock.advanceSeconds(3600);
      app.nest.get(DpopSessions).tick();
      expect(await told).toMatchObject({ reason: 'token_expired' });
      expect(await ended).toBe('io server disconnect');
      expect((await clients.join(reported.socket, '/none')).error?.message).toBe('Invalid namespace');
      expect(reported.socket.connected).toBe(true);
    });
  });

  test('a gateway for nobody takes clients without credentials, and none with bad ones', async () => {
    const app = await start({ gateways: [PublicGateway, RootGateway] });
    const { socket, error } = await clients.connect(app, { namespace: '/public' });
    expect(error).toBeUndefined();
    expect((await clients.join(socket, '/')).error?.data).toMatchObject({ code: 'credentials_missing' });
    expect((await askUpgrade(app.port, await handshake({ by: thief }))).status).toBe(401);
    const known = await clients.connect(app, { namespace: '/public', headers: await handshake() });
    expect((await clients.join(known.socket, '/')).error).toBeUndefined();
    expect(ran).toEqual(['/public open', `/public ${client.jkt}`, `/ ${client.jkt}`]);
  });

  describe('when the token ends', () => {
    const open = async (setup: Setup = {}) => {
      const app = await start(setup);
      const { socket } = await clients.connect(app, { headers: await handshake() });
      const orders = await clients.join(socket, '/open');
      return { app, socket, sockets: [socket, orders.socket] };
    };

    test('by its expiry, all sockets of the connection are told and disconnected (J1)', async () => {
      const { app, socket, sockets } = await open();
      const sessions = app.nest.get(DpopSessions);
      sessions.tick();
      expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
      const told = sockets.map((each) => next(each, 'exception'));
      const ended = sockets.map((each) => next(each, 'disconnect'));
      clock.advanceSeconds(3600);
      sessions.tick();
      const notice = {
        status: 'error',
        code: 'invalid_token',
        reason: 'token_expired',
        message: 'The access token has expired',
      };
      expect(await Promise.all(told)).toEqual([notice, notice]);
      expect(await Promise.all(ended)).toEqual(['io server disconnect', 'io server disconnect']);
    });

    test('by its revocation (B9)', async () => {
      const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
      token = await issuer.issueToken({ client, claims: { jti: 'token-1' } });
      const { app, socket } = await open({ dpop: { revocation } });
      const told = next(socket, 'exception');
      const ended = next(socket, 'disconnect');
      await revocation.revoke({ issuer: issuer.issuer, jti: 'token-1' });
      for (let i = 0; i < 5; i += 1) app.nest.get(DpopSessions).tick();
      expect(await told).toMatchObject({ code: 'invalid_token', reason: 'token_revoked' });
      expect(await ended).toBe('io server disconnect');
      expect((await askUpgrade(app.port, await handshake())).status).toBe(401);
    });
  });
});
