import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Inject, Post, Req, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopTicket,
  DpopTickets,
  RequireScopes,
} from 'nestjs-dpop';
import { DpopIoAdapter } from 'nestjs-dpop/platform-socket.io';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { askUpgrade, IoClients } from './support/io-clients.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

const PATH = '/socket.io/';
const WEBSOCKET = `${PATH}?EIO=4&transport=websocket`;

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let token: string;
const clients = new IoClients();

beforeEach(async () => {
  clock = new HandClock();
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
  token = await issuer.issueToken({ client });
});

afterEach(async () => {
  clients.close();
  await closeApps();
});

@UseGuards(DpopGuard)
@Controller('tickets')
class TicketsController {
  constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

  @Post()
  create(@Req() request: object): Promise<DpopTicket> {
    return this.tickets.issue(request, PATH);
  }
}

@Dpop({ ticket: 'allow' })
@UseGuards(DpopGuard)
@WebSocketGateway()
class PageGateway {
  @SubscribeMessage('whoami')
  whoami(@DpopBound() jkt: string): string {
    return jkt;
  }
}

@Dpop({ ticket: 'allow' })
@RequireScopes('orders')
@WebSocketGateway({ namespace: 'orders' })
class OrdersGateway {}

@WebSocketGateway({ namespace: 'service' })
class ServiceGateway {}

describe.each(PLATFORMS)('tickets for socket.io on %s (J2)', (platform) => {
  const start = (): Promise<RunningApp> =>
    startApp(
      platform,
      {
        module: class AppModule {},
        imports: [DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, clock: clock.read }))],
        controllers: [TicketsController],
        providers: [PageGateway, OrdersGateway, ServiceGateway],
      },
      { before: (nest) => nest.useWebSocketAdapter(new DpopIoAdapter(nest)) },
    );

  const fetchTicket = async (app: RunningApp): Promise<string> => {
    const { body } = await call(app, client, { method: 'POST', path: '/tickets', token });
    return (body as DpopTicket).ticket;
  };

  test('a ticket in the query opens one connection, with the verdict of its client', async () => {
    const app = await start();
    const ticket = await fetchTicket(app);
    const { socket, error } = await clients.connect(app, { query: { ticket } });
    expect(error).toBeUndefined();
    expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    const again = await askUpgrade(app.port, {}, `${WEBSOCKET}&ticket=${ticket}`);
    expect(again.status).toBe(401);
    expect(JSON.parse(again.body)).toMatchObject({ code: 'invalid_ticket' });
  });

  test('a client that reconnects sets a new one', async () => {
    const app = await start();
    const { socket } = await clients.connect(app, { query: { ticket: await fetchTicket(app) } });
    socket.disconnect();
    socket.io.opts.query = { ticket: await fetchTicket(app) };
    await new Promise<void>((resolve) => {
      socket.once('connect', resolve);
      socket.connect();
    });
    expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
  });

  test('it enters the namespaces whose gateways allow tickets, as far as its token does', async () => {
    const app = await start();
    const { socket } = await clients.connect(app, { query: { ticket: await fetchTicket(app) } });
    const { error: orders } = await clients.join(socket, '/orders');
    expect(orders?.data).toMatchObject({ code: 'insufficient_scope' });
    const { error: service } = await clients.join(socket, '/service');
    expect(service?.data).toMatchObject({ code: 'credentials_missing' });
    token = await issuer.issueToken({ client, scopes: ['orders'] });
    const scoped = await clients.connect(app, { query: { ticket: await fetchTicket(app) } });
    expect((await clients.join(scoped.socket, '/orders')).error).toBeUndefined();
  });

  test('as a sub-protocol, it is not in the answer', async () => {
    const app = await start();
    const protocols = async (others: string) => ({
      'sec-websocket-protocol': `ticket.${await fetchTicket(app)}${others}`,
    });
    const opened = await askUpgrade(app.port, await protocols(', events.v1'), WEBSOCKET);
    expect(opened).toMatchObject({ status: 101, headers: { 'sec-websocket-protocol': 'events.v1' } });
    const alone = await askUpgrade(app.port, await protocols(''), WEBSOCKET);
    expect(alone.status).toBe(101);
    expect(alone.headers['sec-websocket-protocol']).toBeUndefined();
  });

  test.each<
    readonly [string, () => Promise<Record<string, string>>, (ticket: string) => string, number, string]
  >([
    [
      'beside credentials',
      async () => ({ authorization: `DPoP ${token}`, dpop: await proofFor(client, { path: PATH, token }) }),
      (ticket) => ticket,
      400,
      'invalid_request',
    ],
    ['twice', () => Promise.resolve({}), (ticket) => `${ticket}&ticket=${ticket}`, 400, 'invalid_request'],
    [
      'forged',
      () => Promise.resolve({}),
      (ticket) => (ticket.startsWith('A') ? 'B' : 'A') + ticket.slice(1),
      401,
      'invalid_ticket',
    ],
  ])('%s it is refused', async (_how, headers, change, status, code) => {
    const app = await start();
    const ticket = await fetchTicket(app);
    const answer = await askUpgrade(app.port, await headers(), `${WEBSOCKET}&ticket=${change(ticket)}`);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ code });
    expect((await askUpgrade(app.port, {}, `${WEBSOCKET}&ticket=${ticket}`)).status).toBe(101);
  });

  test('expired it is refused', async () => {
    const app = await start();
    const ticket = await fetchTicket(app);
    clock.advanceSeconds(31);
    expect((await askUpgrade(app.port, {}, `${WEBSOCKET}&ticket=${ticket}`)).status).toBe(401);
  });
});
