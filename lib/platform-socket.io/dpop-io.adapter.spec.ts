import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { HandClock } from '../../test/support/hand-clock.js';
import { askUpgrade, IoClients, next } from '../../test/support/io-clients.js';
import { ORIGIN } from '../../test/support/origin.js';
import { closeApps, type RunningApp, startApp } from '../../test/support/running-app.js';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import { isVerifying } from '../handshake/verifying-adapter.js';
import { DpopModule } from '../module/dpop.module.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { TestClient, TestIssuer } from '../testing/index.js';
import { DpopIoAdapter } from './dpop-io.adapter.js';

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let token: string;
const clients = new IoClients();

beforeAll(async () => {
  clock = new HandClock();
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  token = await issuer.issueToken({ client });
});

afterEach(async () => {
  clients.close();
  await closeApps();
});

class Whoami {
  @SubscribeMessage('whoami')
  whoami(@DpopBound() jkt: string): string {
    return jkt;
  }
}

@UseGuards(DpopGuard)
@WebSocketGateway()
class RootGateway extends Whoami {}

@RequireScopes('orders')
@WebSocketGateway({ namespace: 'orders' })
class OrdersGateway {}

@RequireScopes('rooms')
@WebSocketGateway({ namespace: /^\/room-\d+$/ })
class RoomsGateway {}

@SkipDpop()
@WebSocketGateway({ namespace: 'open' })
class OpenGateway {}

@Dpop({ enforcement: 'report' })
@WebSocketGateway({ namespace: 'reported' })
class ReportingGateway {}

function moduleOf(gateways: readonly Type[]): Type {
  const dpop = DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken, clock: clock.read });
  @Module({ imports: [dpop], providers: [...gateways] })
  class AppModule {}
  return AppModule;
}

type Adapting = (app: INestApplicationContext) => DpopIoAdapter;
const adapting: Adapting = (app) => new DpopIoAdapter(app);

const start = (gateways: readonly Type[] = [RootGateway], adapter = adapting): Promise<RunningApp> =>
  startApp('express', moduleOf(gateways), { before: (nest) => nest.useWebSocketAdapter(adapter(nest)) });

/** The headers of a handshake that passes. */
async function handshake(path = '/socket.io/'): Promise<Record<string, string>> {
  const proof = await client.createProof({ method: 'GET', url: ORIGIN + path, token });
  return { authorization: `DPoP ${token}`, dpop: proof };
}

describe('an adapter for socket.io (J1)', () => {
  test('promises that it verifies each handshake', async () => {
    const { nest } = await start();
    expect(isVerifying(new DpopIoAdapter(nest))).toBe(true);
  });

  test('must be given an app with DpopModule, and known options (D9)', async () => {
    @Module({})
    class EmptyModule {}
    const app = await NestFactory.createApplicationContext(EmptyModule, { logger: false });
    expect(() => new DpopIoAdapter(app)).toThrow(/^DpopIoAdapter must be given the app/);
    expect(() => new DpopIoAdapter(app, { poling: true } as object)).toThrow(
      /^DpopIoAdapter has no option "poling"/,
    );
    await app.close();
  });

  test('does not start with options of a gateway that let a connection go on without a verdict (D9)', async () => {
    @WebSocketGateway({ transports: ['polling'] })
    class PollingGateway {}
    await expect(start([PollingGateway])).rejects.toThrow(/^transports of a gateway must be \['websocket'\]/);
    const app = await start([PollingGateway], (nest) => new DpopIoAdapter(nest, { polling: true }));
    const { error } = await clients.connect(app, { transports: ['polling'], headers: await handshake() });
    expect(error?.message).toMatch(/^xhr (?:poll|post) error$/);
  });
});

describe('a connection (J1)', () => {
  test('opens with a token and a proof, and its messages know the client', async () => {
    const app = await start();
    const { socket, error } = await clients.connect(app, { headers: await handshake() });
    expect(error).toBeUndefined();
    expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
  });

  test('is refused without them before the upgrade', async () => {
    const app = await start();
    expect(await askUpgrade(app.port)).toMatchObject({ status: 401 });
    expect(await askUpgrade(app.port, await handshake())).toMatchObject({ status: 101 });
  });

  test('is told of the end of its token, and closed', async () => {
    const app = await start([RootGateway, OrdersGateway]);
    token = await issuer.issueToken({ client, scopes: ['orders'] });
    const { socket } = await clients.connect(app, { headers: await handshake() });
    const orders = await clients.join(socket, '/orders');
    const told = [socket, orders.socket].map((each) => next(each, 'exception'));
    clock.advanceSeconds(3600);
    app.nest.get(DpopSessions).tick();
    const served = socket.emitWithAck('whoami');
    served.catch(() => undefined);
    for (const notice of told)
      expect(await Promise.race([notice, served])).toMatchObject({ reason: 'token_expired' });
  });

  test('that a client uses for a namespace that only reports stays there (K1)', async () => {
    const app = await start([RootGateway, ReportingGateway]);
    const { socket } = await clients.connect(app, { headers: await handshake() });
    const reported = await clients.join(socket, '/reported');
    const told: unknown[] = [];
    reported.socket.on('exception', (notice) => told.push(notice));
    const ended = next(socket, 'disconnect');
    clock.advanceSeconds(3600);
    app.nest.get(DpopSessions).tick();
    expect(await ended).toBe('io server disconnect');
    expect((await clients.join(reported.socket, '/none')).error?.message).toBe('Invalid namespace');
    expect({ told, connected: reported.socket.connected }).toEqual({ told: [], connected: true });
  });

  test('by polling is verified where that is on', async () => {
    const app = await start([RootGateway], (nest) => new DpopIoAdapter(nest, { polling: true }));
    const poll = `${app.url}/socket.io/?EIO=4&transport=polling`;
    expect(await fetch(poll)).toMatchObject({ status: 401 });
    const opened = await fetch(poll, { headers: await handshake() });
    expect(opened.status).toBe(200);
    const { sid } = JSON.parse((await opened.text()).slice(1)) as { readonly sid: string };
    expect(await fetch(`${poll}&sid=${sid}`)).toMatchObject({ status: 401 });
  });
});

describe('a namespace (J1)', () => {
  test.each([
    ['/orders', 'orders'],
    ['/room-7', 'rooms'],
  ])('%s is entered with the scope of its gateway alone', async (namespace, scope) => {
    const app = await start([RootGateway, OrdersGateway, RoomsGateway]);
    const refused = await clients.connect(app, { namespace, headers: await handshake() });
    expect(refused.error?.data).toMatchObject({ code: 'insufficient_scope', statusCode: 403 });
    token = await issuer.issueToken({ client, scopes: [scope] });
    const entered = await clients.connect(app, { namespace, headers: await handshake() });
    expect(entered.error).toBeUndefined();
  });

  test('is open where @SkipDpop opens all gateways of the server, by polling, too', async () => {
    const app = await start([OpenGateway]);
    const transports = ['polling', 'websocket'];
    expect((await clients.connect(app, { namespace: '/open', transports })).error).toBeUndefined();
    expect((await clients.connect(app, { namespace: '/' })).error?.message).toBe('Invalid namespace');
  });
});
