import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Controller,
  Inject,
  type INestApplication,
  Module,
  Post,
  Req,
  type Type,
  UseGuards,
} from '@nestjs/common';
import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
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
  DpopTickets,
  getDpopVerdict,
  NonceService,
  RequireAnyScope,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, type Call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';
import { open, type Opening, openWith, terminateSockets } from './support/web-sockets.js';

const clock = new HandClock();
let issuer: TestIssuer;
let client: TestClient;
let thief: TestClient;
let token: string;
/** What handlers and hooks saw. */
let seen: unknown[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
  thief = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  seen = [];
  token = await issuer.issueToken({ client, scopes: ['feed'] });
});

afterEach(async () => {
  terminateSockets();
  await closeApps();
});

@RequireScopes('feed')
@WebSocketGateway({ path: '/feed' })
class FeedGateway implements OnGatewayConnection {
  handleConnection(_socket: object, request: object): void {
    seen.push(`opened by ${getDpopVerdict(request)?.jkt}`);
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): unknown {
    seen.push(data);
    return { event: 'echo', data };
  }

  @UseGuards(DpopGuard)
  @SubscribeMessage('whoami')
  whoAmI(@DpopBound() jkt: string, @DpopBound('scopes') scopes: readonly string[]): unknown {
    return { event: 'whoami', data: { jkt, scopes } };
  }

  @UseGuards(DpopGuard)
  @RequireScopes('publish')
  @SubscribeMessage('publish')
  publish(@MessageBody() data: unknown, @ConnectedSocket() _socket: object): unknown {
    seen.push(data);
    return { event: 'published', data };
  }
}

const DROPPED = /socket hang up|ECONNRESET/;
const OPENED = () => `opened by ${client.jkt}`;

type Adapter = (nest: INestApplication) => DpopWsAdapter;

interface Setting {
  readonly gateways?: readonly Type[];
  readonly controllers?: readonly Type[];
  readonly dpop?: Partial<DpopModuleOptions>;
  readonly logger?: LogCollector;
}

describe.each(PLATFORMS)('sockets of ws at their handshake, on %s (J1)', (platform) => {
  const adapter: Adapter = (nest) => new DpopWsAdapter(nest);

  async function start({
    gateways = [FeedGateway],
    controllers = [],
    dpop = {},
    logger = new LogCollector(),
  }: Setting = {}): Promise<RunningApp> {
    const options = withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...dpop });
    @Module({
      imports: [DpopModule.forRoot(options)],
      controllers: [...controllers],
      providers: [...gateways],
    })
    class AppModule {}
    return await startApp(platform, AppModule, {
      logger,
      before: (nest) => nest.useWebSocketAdapter(adapter(nest)),
    });
  }

  test('a token with a proof for the GET opens the socket, and handlers know the client', async () => {
    const app = await start();
    const { status, socket, nonce } = await openWith(app, client, { path: '/feed', token });
    expect({ status, nonce }).toEqual({ status: 101, nonce: undefined });
    expect(seen).toEqual([OPENED()]);
    const data = { jkt: client.jkt, scopes: ['feed'] };
    expect(await socket.ask('whoami')).toEqual({ event: 'whoami', data });
  });

  interface Change {
    readonly client?: () => TestClient;
    readonly token?: () => Promise<string> | string;
    readonly call?: Call;
    readonly headers?: (sent: Record<string, string>) => Record<string, string | string[]>;
    readonly laterSeconds?: number;
  }

  const REFUSED: readonly (readonly [string, Change, number, string, RegExp | undefined])[] = [
    ['no credentials', { headers: () => ({}) }, 401, 'credentials_missing', /^DPoP algs="[^"]+"$/],
    [
      'a stolen token and the key of the thief',
      { client: () => thief },
      401,
      'invalid_token',
      /error="invalid_token"/,
    ],
    [
      'a stolen token without a proof',
      { headers: ({ authorization = '' }) => ({ authorization }) },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'a stolen token as Bearer',
      { headers: () => ({ authorization: `Bearer ${token}` }) },
      401,
      'invalid_token',
      /error="invalid_token"/,
    ],
    [
      'a proof for another path',
      { call: { path: '/other' } },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'a proof for the root, since the upgrade has a path',
      { call: { path: '/' } },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'a proof for a POST',
      { call: { method: 'POST' } },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'a proof for wss instead of https',
      { call: { claims: { htu: 'wss://api.example.com/feed' } } },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'a proof for another token',
      { call: { claims: { ath: 'x'.repeat(43) } } },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    ['an old proof', { laterSeconds: 120 }, 401, 'invalid_dpop_proof', /error="invalid_dpop_proof"/],
    [
      'an expired token',
      { token: () => issuer.issueToken({ client, scopes: ['feed'], expiresInSeconds: -60 }) },
      401,
      'invalid_token',
      /error="invalid_token"/,
    ],
    [
      'a token without the scope of the class',
      { token: () => issuer.issueToken({ client, scopes: ['other'] }) },
      403,
      'insufficient_scope',
      /error="insufficient_scope".* scope="feed"/,
    ],
    [
      'two proofs',
      { headers: (sent) => ({ ...sent, dpop: [sent['dpop'] ?? '', sent['dpop'] ?? ''] }) },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'garbage as a proof',
      { headers: (sent) => ({ ...sent, dpop: 'garbage' }) },
      401,
      'invalid_dpop_proof',
      /error="invalid_dpop_proof"/,
    ],
    [
      'garbage as credentials',
      { headers: (sent) => ({ ...sent, authorization: 'DPoP two words' }) },
      400,
      'invalid_request',
      undefined,
    ],
  ];

  describe('one change of a handshake that passes', () => {
    let app: RunningApp;
    let logger: LogCollector;

    test.each(REFUSED)('%s: the whole answer comes before the upgrade, and no hook runs', async (...row) => {
      const [, change, status, code, challenge] = row;
      logger = new LogCollector();
      app = await start({ logger });
      const presented = (await change.token?.()) ?? token;
      const signer = change.client?.() ?? client;
      const proof = await proofFor(signer, { path: '/feed', token: presented, ...change.call });
      const sent = { authorization: `DPoP ${presented}`, dpop: proof };
      clock.advanceSeconds(change.laterSeconds ?? 0);
      const answer = await open(app, { path: '/feed', headers: change.headers?.(sent) ?? sent });
      expect(answer).toMatchObject({ status, code, nonce: undefined });
      if (challenge === undefined) expect(answer.challenge).toMatch(/^DPoP /);
      else expect(answer.challenge).toMatch(challenge);
      expect(answer.headers).toMatchObject({
        connection: 'close',
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(Buffer.byteLength(answer.body)),
        'cache-control': 'no-store',
      });
      expect(JSON.parse(answer.body)).toMatchObject({ statusCode: status, code });
      expect(seen).toStrictEqual([]);
      for (const secret of [presented, proof, 'garbage', 'two words']) {
        expect(answer.body).not.toContain(secret);
        expect(logger.text).not.toContain(secret);
      }
      expect(logger.text).toContain('FeedGateway');
    });

    test('a proof that opened a socket opens no second one', async () => {
      app = await start();
      const proof = await proofFor(client, { path: '/feed', token });
      expect(await openWith(app, client, { path: '/feed', token, proof })).toMatchObject({ status: 101 });
      const replayed = await openWith(app, client, { path: '/feed', token, proof });
      expect(replayed).toMatchObject({ status: 401, code: 'invalid_dpop_proof' });
      expect(seen).toEqual([OPENED()]);
    });
  });

  test('a demanded nonce comes with the refusal, and opens the socket at the second try', async () => {
    @Dpop({ nonce: 'required' })
    class NonceGateway extends FeedGateway {}
    const app = await start({ gateways: [NonceGateway] });
    const first = await openWith(app, client, { path: '/feed', token });
    expect(first).toMatchObject({ status: 401, code: 'use_dpop_nonce', nonce: expect.any(String) });
    expect(seen).toStrictEqual([]);
    const second = await openWith(app, client, { path: '/feed', token, nonce: first.nonce ?? '' });
    expect(second).toMatchObject({ status: 101, nonce: undefined });
    expect(seen).toEqual([OPENED()]);
  });

  test('a nonce that is about to expire is replaced by the head of the 101', async () => {
    const app = await start({ dpop: { nonce: { mode: 'required', lifetimeSeconds: 60 } } });
    clock.ms = HandClock.atWindow(60).ms;
    token = await issuer.issueToken({ client, scopes: ['feed'] });
    const { nonce = '' } = await openWith(app, client, { path: '/feed', token });
    clock.advanceSeconds(61);
    const { status, nonce: next } = await openWith(app, client, { path: '/feed', token, nonce });
    expect({ status, next }).toEqual({ status: 101, next: expect.any(String) });
    expect(next).not.toBe(nonce);
  });

  test('a nonce of the app that would break the head opens no socket', async () => {
    const app = await start({ dpop: { nonce: { mode: 'required', lifetimeSeconds: 60 } } });
    clock.ms = HandClock.atWindow(60).ms;
    token = await issuer.issueToken({ client, scopes: ['feed'] });
    const { nonce = '' } = await openWith(app, client, { path: '/feed', token });
    clock.advanceSeconds(61);
    app.nest.get(NonceService).issue = () => 'nonce\r\nSet-Cookie: a=b';
    await expect(openWith(app, client, { path: '/feed', token, nonce })).rejects.toThrow(DROPPED);
    expect(seen).toStrictEqual([]);
  });

  test('the operator reads the path of the gateway, and that wss is no scheme of htu (D9)', async () => {
    const logger = new LogCollector();
    const app = await start({ logger });
    const decisions = await observeDecisions(async () => {
      const claims = { htu: 'wss://api.example.com/feed' };
      const proof = await proofFor(client, { path: '/feed', token, claims });
      expect(await openWith(app, client, { path: '/feed', token, proof })).toMatchObject({ status: 401 });
      const { socket } = await openWith(app, client, { path: '/feed', token });
      await socket.ask('publish');
    });
    expect(decisions).toMatchObject([
      { reason: 'proof_htu', detail: 'htu', route: '/feed', handler: 'FeedGateway' },
      { outcome: 'accepted', route: '/feed', handler: 'FeedGateway' },
      { reason: 'scope_insufficient', route: '/feed', handler: 'FeedGateway.publish' },
    ]);
    expect(logger.text).toMatch(
      /\(proof_htu: htu\) on GET \/feed \(FeedGateway\);.*scheme http or https.*https in place of wss/,
    );
    expect(logger.text).toContain(' on GET /feed (FeedGateway.publish)');
  });

  test('what its messages find is not tried with other options (K1)', async () => {
    const logger = new LogCollector();
    const app = await start({ logger, dpop: { trial: { nonce: 'required' } } });
    const { socket } = await openWith(app, client, { path: '/feed', token });
    expect(await socket.ask('whoami')).toMatchObject({ event: 'whoami' });
    await app.close();
    expect(logger.lines.filter((line) => line.includes('[Trial]'))).toStrictEqual([]);
    expect(logger.text).not.toContain('with the options under trial');
  });

  test('what a handler requires is refused by the guard with an exception for the client', async () => {
    const logger = new LogCollector();
    const app = await start({ logger });
    const { socket } = await openWith(app, client, { path: '/feed', token });
    expect(await socket.ask('publish', 'a message')).toEqual({
      event: 'exception',
      data: {
        status: 'error',
        code: 'insufficient_scope',
        message: 'The access token lacks a required scope',
      },
    });
    expect(seen).toEqual([OPENED()]);
    expect(logger.text).not.toContain('a message');
    expect(await socket.ask('echo', 'still open')).toEqual({ event: 'echo', data: 'still open' });
    const allowed = await issuer.issueToken({ client, scopes: ['feed', 'publish'] });
    const other = await openWith(app, client, { path: '/feed', token: allowed });
    expect(await other.socket.ask('publish', 'mine')).toEqual({ event: 'published', data: 'mine' });
  });

  describe('gateways and their paths', () => {
    @RequireScopes('audit')
    @WebSocketGateway({ path: 'feed/' })
    class AuditGateway {}

    @SkipDpop()
    @WebSocketGateway({ path: '/open' })
    class OpenGateway implements OnGatewayConnection {
      handleConnection(): void {
        seen.push('open');
      }

      @UseGuards(DpopGuard)
      @Dpop()
      @SubscribeMessage('closed')
      closed(@DpopBound() jkt: string): unknown {
        return { event: 'closed', data: jkt };
      }
    }

    test('those that share a path require together what each requires', async () => {
      const app = await start({ gateways: [FeedGateway, AuditGateway] });
      const refused = await openWith(app, client, { path: '/feed', token });
      expect(refused).toMatchObject({ status: 403, code: 'insufficient_scope' });
      expect(refused.challenge).toContain('scope="feed audit"');
      const both = await issuer.issueToken({ client, scopes: ['feed', 'audit'] });
      expect(await openWith(app, client, { path: '/feed', token: both })).toMatchObject({ status: 101 });
    });

    test('those that require what has no sum end the start', async () => {
      @RequireAnyScope('a', 'b')
      class First extends FeedGateway {}
      @RequireAnyScope('a', 'c')
      class Second extends FeedGateway {}
      await expect(start({ gateways: [First, Second] })).rejects.toThrow(
        /^@RequireAnyScope\(\) must be the same on gateways that share a connection: First, Second\./,
      );
    });

    test('a path that @SkipDpop opens needs nothing, and its guarded handlers do', async () => {
      const app = await start({ gateways: [FeedGateway, OpenGateway] });
      const { status, socket } = await open(app, { path: '/open' });
      expect(status).toBe(101);
      expect(seen).toEqual(['open']);
      expect(await socket.ask('closed')).toMatchObject({ data: { code: 'credentials_missing' } });
      const known = await openWith(app, client, { path: '/open', token });
      expect(await known.socket.ask('closed')).toEqual({ event: 'closed', data: client.jkt });
      expect(await open(app, { path: '/feed' })).toMatchObject({ status: 401, code: 'credentials_missing' });
    });

    test('a class that takes nobody, too, lets in a client without credentials, but none with bad ones', async () => {
      @Dpop({ anonymous: 'allow' })
      class PublicGateway extends FeedGateway {}
      const app = await start({ gateways: [PublicGateway] });
      expect(await open(app, { path: '/feed' })).toMatchObject({ status: 101 });
      expect(seen).toEqual(['opened by undefined']);
      expect(await openWith(app, thief, { path: '/feed', token })).toMatchObject({ status: 401 });
      expect(await openWith(app, client, { path: '/feed', token })).toMatchObject({ status: 101 });
    });

    test('a class that only reports lets everyone in, and the log tells', async () => {
      @Dpop({ enforcement: 'report' })
      class ReportingGateway extends FeedGateway {}
      const logger = new LogCollector();
      const app = await start({ gateways: [ReportingGateway], logger });
      expect(await openWith(app, thief, { path: '/feed', token })).toMatchObject({ status: 101 });
      expect(seen).toEqual(['opened by undefined']);
      expect(logger.text).toMatch(/would be refused: .*key_binding.*ReportingGateway/);
    });

    test('a path without a gateway is dropped, as Nest does', async () => {
      const app = await start();
      await expect(openWith(app, client, { path: '/other', token })).rejects.toThrow(DROPPED);
      await expect(openWith(app, client, { path: '/feed/', token })).rejects.toThrow(DROPPED);
    });

    test.each([
      ['with a path', '/own'],
      ['without a path', undefined],
    ])('a port of its own %s is verified, too', async (_what, path) => {
      const port = await findFreePort();
      @RequireScopes('own')
      @WebSocketGateway(port, path === undefined ? {} : { path })
      class OwnPortGateway {}
      const nest = await start({ gateways: [FeedGateway, OwnPortGateway] });
      const own = { url: `http://127.0.0.1:${port}` };
      const target = path ?? '/any';
      expect(await openWith(own, client, { path: target, token })).toMatchObject({
        status: 403,
        code: 'insufficient_scope',
      });
      const allowed = await issuer.issueToken({ client, scopes: ['own'] });
      expect(await openWith(own, client, { path: target, token: allowed })).toMatchObject({ status: 101 });
      expect(
        await openWith(own, client, { path: '/wrong', token: allowed, claims: {} }).catch(String),
      ).toEqual(
        path === undefined ? expect.objectContaining({ status: 101 }) : expect.stringMatching(DROPPED),
      );
      expect(await openWith(nest, client, { path: '/feed', token })).toMatchObject({ status: 101 });
    });
  });

  test.each([
    [['ticket.secret', 'events.v1'], 'events.v1'],
    [['events.v1', 'ticket.secret', 'events.v2'], 'events.v1'],
    [['events.v1'], 'events.v1'],
  ])('of the sub-protocols %j the server chooses %s, and never shows a ticket', async (protocols, chosen) => {
    const app = await start();
    const answer = await openWith(app, client, { path: '/feed', token, protocols });
    expect(answer.headers['sec-websocket-protocol']).toBe(chosen);
    expect(JSON.stringify(answer.headers)).not.toContain('secret');
  });

  describe('a ticket in place of headers (J2)', () => {
    @Dpop({ ticket: 'allow' })
    class TicketGateway extends FeedGateway {}

    @UseGuards(DpopGuard)
    @Controller()
    class TicketsController {
      constructor(@Inject(DpopTickets) private readonly tickets: DpopTickets) {}

      @Post('tickets')
      issue(@Req() request: object): Promise<{ ticket: string }> {
        return this.tickets.issue(request, '/feed');
      }
    }

    async function startWithTickets(gateway: Type = TicketGateway): Promise<RunningApp> {
      return await start({ gateways: [gateway], controllers: [TicketsController] });
    }

    async function fetchTicket(app: RunningApp): Promise<string> {
      const { body } = await call(app, client, { path: '/tickets', method: 'POST', token });
      return (body as { readonly ticket: string }).ticket;
    }

    test.each<readonly [string, (ticket: string) => Opening]>([
      ['the query', (ticket) => ({ path: `/feed?ticket=${ticket}` })],
      ['a sub-protocol', (ticket) => ({ path: '/feed', protocols: [`ticket.${ticket}`, 'events.v1'] })],
    ])('in %s opens one socket, and handlers know the client', async (_where, opening) => {
      const logger = new LogCollector();
      const app = await start({ gateways: [TicketGateway], controllers: [TicketsController], logger });
      const ticket = await fetchTicket(app);
      const { status, socket, headers } = await open(app, opening(ticket));
      expect(status).toBe(101);
      expect(seen).toEqual([OPENED()]);
      expect(await socket.ask('whoami')).toMatchObject({ data: { jkt: client.jkt } });
      expect(JSON.stringify(headers)).not.toContain(ticket);
      const again = await open(app, opening(ticket));
      expect(again).toMatchObject({ status: 401, code: 'invalid_ticket' });
      expect(seen).toEqual([OPENED()]);
      expect(logger.text + again.body).not.toContain(ticket);
    });

    test('that is the only sub-protocol is refused before it is spent', async () => {
      const app = await startWithTickets();
      const ticket = await fetchTicket(app);
      const alone = await open(app, { path: '/feed', protocols: [`ticket.${ticket}`] });
      expect(alone).toMatchObject({ status: 400, code: 'invalid_request' });
      expect(seen).toStrictEqual([]);
      const opening = { path: '/feed', protocols: ['events.v1', `ticket.${ticket}`] };
      expect(await open(app, opening)).toMatchObject({ status: 101 });
    });

    test('opens nothing where the class does not allow it, or where one that shares the path does not', async () => {
      const closed = await startWithTickets(FeedGateway);
      const path = `/feed?ticket=${await fetchTicket(closed)}`;
      expect(await open(closed, { path })).toMatchObject({ status: 401, code: 'credentials_missing' });
      const shared = await start({
        gateways: [TicketGateway, FeedGateway],
        controllers: [TicketsController],
      });
      const other = `/feed?ticket=${await fetchTicket(shared)}`;
      expect(await open(shared, { path: other })).toMatchObject({ status: 401, code: 'credentials_missing' });
      expect(seen).toStrictEqual([]);
    });

    test('ends with the token that it was issued for', async () => {
      const app = await startWithTickets();
      const { socket } = await open(app, { path: `/feed?ticket=${await fetchTicket(app)}` });
      clock.advanceSeconds(300);
      app.nest.get(DpopSessions).tick();
      expect(await socket.closed).toEqual({ code: 4401, reason: 'token_expired' });
    });
  });

  describe('verifyClient of the app', () => {
    type Ask = (
      info: { readonly req: object },
      done?: (isAccepted: boolean, status?: number) => void,
    ) => unknown;

    async function startAsking(verifyClient: Ask, logger = new LogCollector()): Promise<RunningApp> {
      @RequireScopes('feed')
      @WebSocketGateway({ path: '/feed', verifyClient })
      class AskingGateway extends FeedGateway {
        override handleConnection(): void {
          seen.push('opened');
        }
      }
      return await start({ gateways: [AskingGateway], logger });
    }

    test('is asked after the verification, with the verdict on the request', async () => {
      const app = await startAsking(({ req }) => {
        seen.push(getDpopVerdict(req)?.jkt);
        return true;
      });
      expect(await open(app, { path: '/feed' })).toMatchObject({ status: 401 });
      expect(seen).toStrictEqual([]);
      expect(await openWith(app, client, { path: '/feed', token })).toMatchObject({ status: 101 });
      expect(seen).toEqual([client.jkt, 'opened']);
    });

    test.each<readonly [string, Ask, number]>([
      ['returns false', () => false, 401],
      ['promises false', () => Promise.resolve(false), 401],
      ['answers with a status', (_info, done) => done?.(false, 418), 418],
    ])('that %s refuses', async (_what, ask, status) => {
      // ws tells the two kinds by the number of parameters.
      const app = await startAsking(ask);
      expect(await openWith(app, client, { path: '/feed', token })).toMatchObject({ status });
      expect(seen).toStrictEqual([]);
    });

    test.each<readonly [string, Ask]>([
      [
        'throws',
        () => {
          throw new Error('quoted by the app');
        },
      ],
      ['rejects', () => Promise.reject(new Error('quoted by the app'))],
    ])(
      'that %s is a failure of the service, of which the log says no more than the kind (D8)',
      async (_what, ask) => {
        const logger = new LogCollector();
        const app = await startAsking(ask, logger);
        const { status, code, headers } = await openWith(app, client, { path: '/feed', token });
        expect({ status, code }).toEqual({ status: 503, code: 'temporarily_unavailable' });
        expect(headers['retry-after']).toBe('1');
        expect(headers['www-authenticate']).toBeUndefined();
        expect(seen).toStrictEqual([]);
        expect(logger.text).toContain('answered 503: internal_failure; Error');
        expect(logger.text).not.toContain('quoted by the app');
      },
    );

    test.each<readonly [string, Ask]>([
      ['promises true', () => Promise.resolve(true)],
      [
        'answers twice',
        (_info, done) => {
          done?.(true);
          done?.(true);
          done?.(false);
        },
      ],
    ])('that %s lets in', async (_what, ask) => {
      const app = await startAsking(ask);
      const { status, socket } = await openWith(app, client, { path: '/feed', token });
      expect(status).toBe(101);
      expect(seen).toEqual(['opened']);
      expect(await socket.ask('echo', 'open')).toEqual({ event: 'echo', data: 'open' });
    });
  });
});

async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
