import { connect, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Module, type Type, UseGuards } from '@nestjs/common';
import {
  type GatewayMetadata,
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
  RequireScopes,
  RevocationChecker,
} from 'nestjs-dpop';
import { DpopIoAdapter, type DpopIoAdapterOptions } from 'nestjs-dpop/platform-socket.io';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { WebSocket } from 'ws';
import { createDpopTransports } from '../sample/05-sockets/client/dpop-transports.js';
import { AnsweringStore } from './support/answering-store.js';
import { type Answer, type Call, proofFor, send, UNAVAILABLE } from './support/call.js';
import { CountingStore } from './support/counting-store.js';
import { HandClock } from './support/hand-clock.js';
import { askUpgrade, IoClients } from './support/io-clients.js';
import { LogCollector } from './support/log-collector.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { sendBytes } from './support/raw-request.js';
import { closeApps, type RunningApp, startApp, type StartOptions } from './support/running-app.js';
import { startFailureOf } from './support/start-failure.js';

const PATH = '/socket.io/';
const POLL = `${PATH}?EIO=4&transport=polling`;
const WEBSOCKET = `${PATH}?EIO=4&transport=websocket`;

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let other: TestClient;
let token: string;
let ran: string[];
/** The sessions of engine.io. */
let opened: number;
const clients = new IoClients();

beforeEach(async () => {
  clock = new HandClock();
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
  other = await TestClient.create({ clock: clock.read });
  token = await issuer.issueToken({ client });
  ran = [];
  opened = 0;
});

afterEach(async () => {
  clients.close();
  await closeApps();
});

@Dpop({ enforcement: 'report' })
@RequireScopes('missing')
@WebSocketGateway({ namespace: 'reported' })
class ReportingGateway {}

interface Engine {
  on(event: 'connection', listener: () => void): void;
}

interface Setup {
  readonly beside?: Type;
  readonly gateway?: GatewayMetadata;
  readonly port?: number;
  readonly adapter?: DpopIoAdapterOptions;
  readonly dpop?: Partial<DpopModuleOptions>;
  readonly Adapter?: typeof DpopIoAdapter;
  readonly logger?: LogCollector;
}

function moduleOf({ gateway = {}, port = 0, dpop, beside }: Setup): Type {
  @UseGuards(DpopGuard)
  @WebSocketGateway(port, gateway)
  class RootGateway implements OnGatewayInit {
    afterInit({ engine }: { readonly engine: Engine }): void {
      engine.on('connection', () => {
        opened += 1;
      });
    }

    @SubscribeMessage('whoami')
    whoami(@DpopBound() jkt: string): string {
      ran.push('whoami');
      return jkt;
    }
  }
  @Module({
    imports: [
      DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, clock: clock.read, ...dpop })),
    ],
    providers: beside === undefined ? [RootGateway] : [RootGateway, beside],
  })
  class AppModule {}
  return AppModule;
}

function adapting({ adapter, Adapter = DpopIoAdapter, logger }: Setup): StartOptions {
  return {
    ...(logger && { logger }),
    before: (nest) => nest.useWebSocketAdapter(new Adapter(nest, adapter)),
  };
}

async function headersOf(options: Call & { readonly by?: TestClient } = {}): Promise<Record<string, string>> {
  const { by = client, ...call } = options;
  return {
    authorization: `DPoP ${call.token ?? token}`,
    dpop: await proofFor(by, { path: PATH, token, ...call }),
  };
}

describe.each(PLATFORMS)('requests of engine.io on %s (J1)', (platform) => {
  const start = (setup: Setup = {}): Promise<RunningApp> =>
    startApp(platform, moduleOf(setup), adapting(setup));

  const request = async (app: RunningApp, target: string, options: Parameters<typeof headersOf>[0] = {}) =>
    send(app.url + target, {
      method: options.method ?? 'GET',
      headers: await headersOf(options),
      ...(typeof options.body === 'string' && { body: options.body }),
    });

  /** Opens a session by polling. */
  const openSession = async (app: RunningApp): Promise<string> => {
    const { status, body } = await request(app, POLL);
    expect(status).toBe(200);
    return (JSON.parse(String(body).slice(1)) as { sid: string }).sid;
  };

  describe('without polling, which is the default', () => {
    const WORDS = "Only the WebSocket transport is accepted; set transports: ['websocket'] in the client";
    const expectWords = ({ status, body, headers }: Answer) => {
      expect(status).toBe(400);
      expect(body).toEqual({
        statusCode: 400,
        message: WORDS,
        error: 'Bad Request',
        code: 'invalid_request',
      });
      expect(headers.get('cache-control')).toBe('no-store');
    };

    test.each(['GET', 'POST', 'OPTIONS'])('%s by polling is told so, and spends no proof', async (method) => {
      const store = new CountingStore();
      const app = await start({ dpop: { storage: { replayStore: store, shared: true } } });
      expectWords(await send(app.url + POLL, { method }));
      expectWords(await request(app, POLL, { method }));
      expectWords(await send(app.url + PATH, { method }));
      expect(store.claims).toBe(0);
    });

    test('the sid of a session is worth nothing, not even to the client that opened it', async () => {
      const app = await start();
      const { socket } = await clients.connect(app, { headers: await headersOf() });
      const sid = socket.io.engine.id;
      const answer = await askUpgrade(app.port, await headersOf(), `${WEBSOCKET}&sid=${sid}`);
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ message: WORDS });
      expect((await askUpgrade(app.port, {}, `${WEBSOCKET}&sid=${sid}`)).status).toBe(400);
      expect((await askUpgrade(app.port, {}, `${WEBSOCKET}&sid=`)).status).toBe(400);
      expectWords(await request(app, `${POLL}&sid=${sid}`));
      expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    });

    test('a client that begins with polling fails, and one with the transport websocket connects', async () => {
      const app = await start();
      const polling = await clients.connect(app, { headers: await headersOf(), transports: ['polling'] });
      expect(polling.error?.message).toBe('xhr poll error');
      const socket = await clients.connect(app, { headers: await headersOf() });
      expect(socket.error).toBeUndefined();
    });
  });

  describe('with polling', () => {
    const polling = { adapter: { polling: true } };

    /** A client as the sample has it: a proof for each request. */
    const connectWith = async (
      app: RunningApp,
      by: TestClient,
      transports?: readonly ('polling' | 'websocket')[],
    ) => {
      let nonce: string | undefined;
      const { DpopPolling, DpopWebSocket } = createDpopTransports({
        createHeaders: (method, url) =>
          headersOf({ by, method, path: new URL(url).pathname, ...(nonce !== undefined && { nonce }) }),
        keepNonce: (fresh) => {
          nonce = fresh;
        },
      });
      const all = { polling: DpopPolling, websocket: DpopWebSocket };
      return await clients.connect(app, {
        reconnection: true,
        reconnectionDelay: 1,
        transports: (transports ?? ['polling', 'websocket']).map((name) => all[name]),
      });
    };

    test.each<readonly [string, readonly ('polling' | 'websocket')[], string]>([
      ['polls', ['polling'], 'polling'],
      ['polls, then upgrades', ['polling', 'websocket'], 'websocket'],
    ])('a client that %s with a proof for each request is served', async (_how, transports, last) => {
      const app = await start(polling);
      const { socket, error } = await connectWith(app, client, transports);
      expect(error).toBeUndefined();
      if (last === 'websocket' && socket.io.engine.transport.name !== last)
        await new Promise((resolve) => {
          socket.io.engine.once('upgrade', resolve);
        });
      expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
      expect(socket.io.engine.transport.name).toBe(last);
    });

    test('a request that cannot be verified is 503, with when to come back, also for an upgrade (D8)', async () => {
      const replayStore = new AnsweringStore(() => Promise.reject(new Error('down')));
      const app = await start({ ...polling, dpop: { storage: { replayStore, shared: true } } });
      expect(await request(app, POLL)).toMatchObject(UNAVAILABLE);
      const { status, headers } = await askUpgrade(app.port, await headersOf());
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe('1');
    });

    test('one proof for all requests is a replay', async () => {
      const app = await start(polling);
      const headers = await headersOf();
      const { error } = await clients.connect(app, { headers, transports: ['polling'], timeout: 1000 });
      expect(error).toBeDefined();
      expect(ran).toStrictEqual([]);
    });

    describe('the sid of another client', () => {
      interface Attempt {
        readonly what: string;
        readonly headers: () => Promise<Record<string, string>>;
        readonly status: number;
        readonly code: string;
      }
      const attempts: readonly Attempt[] = [
        {
          what: 'without credentials',
          headers: () => Promise.resolve({}),
          status: 401,
          code: 'credentials_missing',
        },
        {
          what: "with the victim's token and another key",
          headers: () => headersOf({ by: other }),
          status: 401,
          code: 'invalid_token',
        },
        {
          what: 'with a token and a key of its own',
          headers: async () => headersOf({ by: other, token: await issuer.issueToken({ client: other }) }),
          status: 403,
          code: 'insufficient_rights',
        },
        {
          what: 'with the same key, for another subject',
          headers: async () =>
            headersOf({ token: await issuer.issueToken({ client, claims: { sub: 'another' } }) }),
          status: 403,
          code: 'insufficient_rights',
        },
      ];

      test.each(attempts)('$what is refused for a poll and an upgrade', async ({ headers, status, code }) => {
        const app = await start(polling);
        const sid = await openSession(app);
        const poll = await send(`${app.url}${POLL}&sid=${sid}`, { headers: await headers() });
        expect(poll).toMatchObject({ status, code });
        const upgrade = await askUpgrade(app.port, await headers(), `${WEBSOCKET}&sid=${sid}`);
        expect(upgrade.status).toBe(status);
        expect(JSON.parse(upgrade.body)).toMatchObject({ code });
        expect(await request(app, `${POLL}&sid=${sid}`, { method: 'POST', body: '40' })).toMatchObject({
          status: 200,
        });
        expect((await askUpgrade(app.port, await headersOf(), `${WEBSOCKET}&sid=${sid}`)).status).toBe(101);
      });

      test('is told to the operator (D9)', async () => {
        const logger = new LogCollector();
        const app = await start({ ...polling, logger });
        const sid = await openSession(app);
        const headers = await headersOf({ by: other, token: await issuer.issueToken({ client: other }) });
        expect(await send(`${app.url}${POLL}&sid=${sid}`, { headers })).toMatchObject({ status: 403 });
        expect(logger.text).toMatch(
          /\(requirement_unmet\).*required: the client that opened the session\. This session belongs to another client/,
        );
        expect(logger.text).not.toContain(sid);
      });

      test('is refused for a POST, and its message does not arrive', async () => {
        const app = await start(polling);
        const sid = await openSession(app);
        const target = `${POLL}&sid=${sid}`;
        expect(await request(app, target, { method: 'POST', body: '40' })).toMatchObject({ status: 200 });
        expect(await request(app, target)).toMatchObject({ status: 200 });
        const body = '42["whoami"]';
        for (const { headers, status } of attempts.slice(0, 1))
          expect(
            await send(app.url + target, { method: 'POST', headers: await headers(), body }),
          ).toMatchObject({
            status,
          });
        expect(ran).toStrictEqual([]);
        expect(await request(app, target, { method: 'POST', body })).toMatchObject({ status: 200 });
        expect(await request(app, target, { method: 'POST', body: '41' })).toMatchObject({ status: 200 });
        expect(ran).toEqual(['whoami']);
      });
    });

    test('the sid of another client is refused beside a gateway that only reports, too (K1)', async () => {
      const app = await start({ ...polling, beside: ReportingGateway });
      const sid = await openSession(app);
      const target = `${POLL}&sid=${sid}`;
      expect(await request(app, target, { method: 'POST', body: '40/reported,' })).toMatchObject({
        status: 200,
      });
      // The opener lacks the scope, which leaves a verdict that is not enforced.
      expect((await request(app, target)).body).toMatch(/^40\/reported,/);
      expect(await send(app.url + target)).toMatchObject({ status: 401, code: 'credentials_missing' });
      const stranger = { by: other, token: await issuer.issueToken({ client: other }) };
      expect(await request(app, target, stranger)).toMatchObject({
        status: 403,
        code: 'insufficient_rights',
      });
      expect((await askUpgrade(app.port, {}, `${WEBSOCKET}&sid=${sid}`)).status).toBe(401);
      expect(await send(app.url + POLL)).toMatchObject({ status: 200 });
    });

    test('an unknown sid is refused by engine.io, after the proof', async () => {
      const app = await start(polling);
      const target = `${POLL}&sid=unknown`;
      expect(await send(app.url + target)).toMatchObject({ status: 401 });
      expect((await request(app, target)).body).toEqual({ code: 1, message: 'Session ID unknown' });
    });

    test('a refreshed token of the same client goes on', async () => {
      const app = await start(polling);
      const sid = await openSession(app);
      token = await issuer.issueToken({ client });
      const answer = await request(app, `${POLL}&sid=${sid}`, { method: 'POST', body: '40' });
      expect(answer).toMatchObject({ status: 200, body: 'ok' });
    });

    test('the session of an unbound token goes on with that token only', async () => {
      const app = await start({ ...polling, dpop: { bearer: 'allow-unbound' } });
      const bearer = async (sub: string) => ({
        authorization: `Bearer ${await issuer.issueToken({ claims: { sub } })}`,
      });
      const headers = await bearer('user');
      const answer = await send(app.url + POLL, { headers });
      const { sid } = JSON.parse(String(answer.body).slice(1)) as { sid: string };
      const post = (by: Record<string, string>) =>
        send(`${app.url}${POLL}&sid=${sid}`, { method: 'POST', body: '40', headers: by });
      expect(await post(await bearer('user'))).toMatchObject({ status: 403 });
      expect(await post(await headersOf({ method: 'POST' }))).toMatchObject({ status: 403 });
      expect(await post(headers)).toMatchObject({ status: 200 });
    });

    test('when the token ends, the session is closed, and its messages no longer arrive', async () => {
      const app = await start(polling);
      const sid = await openSession(app);
      const target = `${POLL}&sid=${sid}`;
      expect(await request(app, target, { method: 'POST', body: '40' })).toMatchObject({ status: 200 });
      expect(await request(app, target)).toMatchObject({ status: 200 });
      clock.advanceSeconds(3600);
      app.nest.get(DpopSessions).tick();
      expect(await request(app, target)).toMatchObject({ status: 401, code: 'invalid_token' });
      token = await issuer.issueToken({ client });
      await request(app, target, { method: 'POST', body: '42["whoami"]' });
      const last = await request(app, target);
      expect(String(last.body).split('\u001e')).toEqual([
        expect.stringMatching(/^42\["exception",\{.*"reason":"token_expired"/),
        '41',
      ]);
      expect((await request(app, target)).body).toMatch(/1$/);
      expect((await request(app, target)).body).toEqual({ code: 1, message: 'Session ID unknown' });
      expect(ran).toStrictEqual([]);
    });
  });

  describe('settings of socket.io', () => {
    test('CORS: a preflight is answered, and refusals can be read across origins', async () => {
      const cors = { origin: 'https://app.example.com', exposedHeaders: ['X-Trace'] };
      const app = await start({ gateway: { cors }, adapter: { polling: true } });
      const origin = { origin: 'https://app.example.com' };
      const preflight = await send(app.url + POLL, {
        method: 'OPTIONS',
        headers: {
          ...origin,
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'dpop',
        },
      });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get('access-control-allow-headers')).toBe('dpop');
      const refused = await send(app.url + POLL, { headers: origin });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
      expect(refused.headers.get('access-control-expose-headers')).toBe(
        'X-Trace, DPoP-Nonce, WWW-Authenticate',
      );
    });

    test('allowRequest of the app is asked, after the verdict that it can read', async () => {
      const allowRequest: GatewayMetadata['allowRequest'] = (asked, answer) => {
        ran.push(getDpopVerdict(asked)?.jkt ?? 'no verdict');
        answer(null, asked.headers['x-allowed'] === 'yes');
      };
      const app = await start({ gateway: { allowRequest } });
      expect((await askUpgrade(app.port)).status).toBe(401);
      expect(ran).toStrictEqual([]);
      expect((await askUpgrade(app.port, await headersOf())).status).toBe(400);
      const allowed = { ...(await headersOf()), 'x-allowed': 'yes' };
      expect((await askUpgrade(app.port, allowed)).status).toBe(101);
      expect(ran).toEqual([client.jkt, client.jkt]);
    });

    test('a path of its own is the one that clients sign', async () => {
      const app = await start({ gateway: { path: '/live/' } });
      const target = '/live/?EIO=4&transport=websocket';
      expect((await askUpgrade(app.port, await headersOf(), target)).status).toBe(401);
      expect((await askUpgrade(app.port, await headersOf({ path: '/live/' }), target)).status).toBe(101);
    });

    test('a subclass may serve another path than the gateways say', async () => {
      class MovingAdapter extends DpopIoAdapter {
        override createIOServer(...[port, options]: Parameters<DpopIoAdapter['createIOServer']>) {
          return super.createIOServer(port, { ...options, path: '/moved' } as typeof options);
        }
      }
      const app = await start({ Adapter: MovingAdapter });
      const { socket, error } = await clients.connect(app, {
        path: '/moved/',
        headers: await headersOf({ path: '/moved/' }),
      });
      expect(error).toBeUndefined();
      expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    });

    test('gateways on a port of their own are verified, too', async () => {
      const port = await freePort();
      await start({ port });
      expect((await askUpgrade(port)).status).toBe(401);
      const { socket, error } = await clients.connect(
        { url: `http://127.0.0.1:${port}` },
        { headers: await headersOf() },
      );
      expect(error).toBeUndefined();
      expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    });

    test.each<readonly [Setup, string]>([
      [
        { gateway: { transports: ['polling', 'websocket'] } },
        "transports of a gateway must be ['websocket'], or DpopIoAdapter given { polling: true }; it is [ 'polling', 'websocket' ]",
      ],
      [
        { gateway: { transports: ['websocket', 'webtransport' as never] } },
        "transports of a gateway must be without 'webtransport', whose sessions carry no proof; it is [ 'websocket', 'webtransport' ]",
      ],
      [
        { gateway: { connectionStateRecovery: {} } as never },
        'connectionStateRecovery of a gateway must be left out: socket.io restores a session for every client that knows its id, and sends what it missed before any check',
      ],
      [{ adapter: { polling: 'yes' as never } }, 'DpopIoAdapter polling must be true or false; it is "yes"'],
      [{ adapter: { poling: true } as never }, 'DpopIoAdapter has no option "poling"; known: polling'],
    ])('%j does not start', async (setup, message) => {
      expect(await startFailureOf(platform, moduleOf(setup), adapting(setup))).toBe(message);
    });

    test('without DpopModule it does not start', async () => {
      @Module({})
      class EmptyModule {}
      expect(await startFailureOf(platform, EmptyModule, adapting({}))).toMatch(
        /^DpopIoAdapter must be given the app, new DpopIoAdapter\(app\)/,
      );
    });
  });

  describe('the process lives on', () => {
    const HEAD =
      'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

    test.each([
      ['names of a prototype', `GET ${PATH}?EIO=4&transport=__proto__&sid=__proto__ HTTP/1.1\r\n${HEAD}\r\n`],
      [
        'a path and a query that cannot be decoded',
        `GET ${PATH}%00%ff?%&&=&transport=websocket&transport=polling HTTP/1.1\r\n${HEAD}\r\n`,
      ],
      ['a path that is no URL', `GET ${PATH}//[?EIO=4&transport=websocket HTTP/1.1\r\n${HEAD}\r\n`],
      ['another revision of the protocol', `GET ${PATH}?EIO=3&transport=websocket HTTP/1.1\r\n${HEAD}\r\n`],
      [
        'a body that stops',
        `POST ${PATH}?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n\u0000`,
      ],
      [
        'credentials that are none, and frames before the answer',
        `GET ${WEBSOCKET} HTTP/1.1\r\n${HEAD}Authorization: DPoP \u00ff\r\nDPoP: ${'A'.repeat(5000)}\r\n\r\n${'\u0000'.repeat(5000)}`,
      ],
      ['an absolute target', `GET http://[::1${WEBSOCKET} HTTP/1.1\r\n${HEAD}\r\n`],
    ])('after %s', async (_what, text) => {
      const app = await start();
      await new Promise<void>((resolve) => {
        const socket = connect(app.port, '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')));
        const hangUp = () => {
          socket.destroy();
          resolve();
        };
        socket.on('data', hangUp).on('error', hangUp).on('close', hangUp);
        socket.setTimeout(3000, hangUp);
      });
      expect((await askUpgrade(app.port, await headersOf())).status).toBe(101);
    });

    test.each(['//[', '/\\[', '//x:y'])('after the target %s, which no URL has', async (target) => {
      for (const [polling, status] of [
        [false, 400],
        [true, 401],
      ] as const) {
        const app = await start({ gateway: { path: '/' }, adapter: { polling } });
        for (const head of [HEAD, 'Host: x\r\nConnection: close\r\n']) {
          const answer = await sendBytes(app.port, Buffer.from(`GET ${target} HTTP/1.1\r\n${head}\r\n`));
          expect(answer.status).toBe(status);
        }
        const headers = await headersOf({ path: '/' });
        expect((await askUpgrade(app.port, headers, '/?EIO=4&transport=websocket')).status).toBe(101);
      }
    });

    test('after garbage in frames of an open connection', async () => {
      const app = await start();
      for (const frame of [
        '',
        '9',
        '42',
        '42["whoami"',
        '451-["x",{"_placeholder":true,"num":0}]',
        '0{"sid":1}',
        '40/\u0000,{}',
      ]) {
        const socket = new WebSocket(`ws://127.0.0.1:${app.port}${WEBSOCKET}`, {
          headers: await headersOf(),
        });
        await new Promise<void>((resolve) => {
          socket.on('message', (data: Buffer) => {
            if (data.toString().startsWith('0')) socket.send('40');
            else {
              socket.send(frame);
              socket.send(Buffer.from([1, 2, 3]));
              resolve();
            }
          });
          socket.on('error', () => resolve());
        });
        socket.terminate();
      }
      expect(ran).toStrictEqual([]);
      expect((await askUpgrade(app.port, await headersOf())).status).toBe(101);
    });

    test('after clients that leave while they are verified', async () => {
      const gate = new Gate();
      const app = await start({ dpop: { revocation: gate }, adapter: { polling: true } });
      const text = async (target: string, head: string) =>
        `GET ${target} HTTP/1.1\r\n${head}${Object.entries(await headersOf())
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('')}\r\n`;
      const upgrade = connect(app.port, '127.0.0.1');
      upgrade.write(await text(WEBSOCKET, HEAD));
      const poll = connect(app.port, '127.0.0.1');
      poll.write(await text(POLL, 'Host: x\r\n'));
      await gate.waitFor(2);
      upgrade.resetAndDestroy();
      poll.resetAndDestroy();
      await untilNoConnection(app);
      gate.release();
      expect((await askUpgrade(app.port, await headersOf())).status).toBe(101);
      expect(opened).toBe(1);
    });

    test('after a refused client that keeps its side open, which is cut off', async () => {
      const app = await start();
      const socket = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.write(`GET ${WEBSOCKET} HTTP/1.1\r\n${HEAD}\r\n`);
      const answer = await new Promise<string>((resolve) => {
        socket.once('data', (data: Buffer) => resolve(data.toString()));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
      await untilNoConnection(app);
      socket.destroy();
    });

    test('after 1,000 handshakes without credentials, which leave nothing behind', async () => {
      const store = new CountingStore();
      const app = await start({ dpop: { storage: { replayStore: store, shared: true } } });
      for (let round = 0; round < 10; round += 1) {
        const answers = await Promise.all(
          Array.from({ length: 100 }, async () =>
            askUpgrade(app.port, round % 2 === 0 ? {} : await headersOf({ by: other })),
          ),
        );
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
      }
      expect(store.claims).toBe(0);
      await untilNoConnection(app);
      const { socket } = await clients.connect(app, { headers: await headersOf() });
      expect(await socket.emitWithAck('whoami')).toBe(client.jkt);
    });
  });
});

/** Answers when the test says. */
class Gate extends RevocationChecker {
  override readonly deadlineMs = 60_000;
  #asked = 0;
  #onAsked = (): void => {};
  #open = (): void => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  override async isRevoked(): Promise<boolean> {
    this.#asked += 1;
    this.#onAsked();
    await this.#opened;
    return false;
  }

  async waitFor(count: number): Promise<void> {
    while (this.#asked < count)
      await new Promise<void>((resolve) => {
        this.#onAsked = resolve;
      });
  }

  release(): void {
    this.#open();
  }
}

async function untilNoConnection(app: RunningApp): Promise<void> {
  const server = app.nest.getHttpServer() as Server;
  const count = () =>
    new Promise<number>((resolve) => {
      server.getConnections((_error, connections) => resolve(connections));
    });
  while ((await count()) > 0) await new Promise(setImmediate);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
