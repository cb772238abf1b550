import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, Module, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import {
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopPolicy,
  DpopSessions,
  DpopSubscriptions,
  MemoryDenyList,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Client, createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { type Call, proofFor } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN, withOrigin } from './support/origin.js';
import type { Platform } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

// As in graphql.e2e-spec.ts: Mercurius requires it for a page that is never shown.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let ran: string[] = [];
const sockets: WebSocket[] = [];

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

beforeEach(() => {
  ran = [];
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await closeApps();
});

@Resolver()
class TickResolver {
  @Query(() => String)
  ping(): string {
    return 'ping';
  }

  @UseGuards(DpopGuard)
  @Subscription(() => String)
  async *tick(@DpopBound() jkt: string): AsyncGenerator<{ tick: string }> {
    ran.push(jkt);
    yield await Promise.resolve({ tick: jkt });
  }
}

const SERVERS: readonly (readonly [string, Platform, () => DynamicModule])[] = [
  [
    'Apollo on Express',
    'express',
    () =>
      GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        graphiql: false,
        subscriptions: { 'graphql-ws': true },
      }),
  ],
  [
    'Mercurius on Fastify',
    'fastify',
    () =>
      GraphQLModule.forRoot<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        autoSchemaFile: true,
        subscription: true,
      }),
  ],
];

interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

/** What a subscription is answered with first: `next` or `error`. */
function subscribe(
  app: RunningApp,
  headers: Readonly<Record<string, string>>,
  connectionParams: object = {},
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const url = `${app.url.replace('http', 'ws')}/graphql`;
    const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
    sockets.push(socket);
    const send = (message: object) => socket.send(JSON.stringify(message));
    socket.on('open', () => send({ type: 'connection_init', payload: connectionParams }));
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as Message;
      if (message.type === 'connection_ack')
        send({ id: '1', type: 'subscribe', payload: { query: 'subscription { tick }' } });
      else resolve(message);
    });
    socket.on('error', reject);
    socket.on('close', (code) => reject(new Error(`closed with ${code}`)));
  });
}

describe.each(SERVERS)('GraphQL subscriptions over graphql-ws, %s', (_name, platform, graphql) => {
  async function start(logger = new LogCollector()): Promise<RunningApp> {
    @Module({
      imports: [DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken }), graphql()],
      providers: [TickResolver],
    })
    class AppModule {}
    return await startApp(platform, AppModule, { logger });
  }

  const credentials = async (path: string, method = 'GET') => ({
    authorization: `DPoP ${token}`,
    dpop: await proofFor(client, { method, path, token }),
  });

  test('the GET that opened the socket is what is verified', async () => {
    const app = await start();
    const answer = await subscribe(app, await credentials('/graphql'));
    expect(answer).toMatchObject({ type: 'next', payload: { data: { tick: client.jkt } } });
    expect(ran).toEqual([client.jkt]);
  });

  test.each([
    ['no credentials', () => Promise.resolve({}), 'credentials_missing'],
    ['a proof for another path', () => credentials('/other'), 'invalid_dpop_proof'],
    ['a proof for a POST', () => credentials('/graphql', 'POST'), 'invalid_dpop_proof'],
  ])('with %s the error has our code, and the resolver does not run (D6)', async (_what, headers, code) => {
    const logger = new LogCollector();
    const app = await start(logger);
    const answer = await subscribe(app, await headers());
    expect(answer.type).toMatch(/^(error|next)$/);
    const { errors = answer.payload } = answer.payload as { readonly errors?: unknown };
    expect(errors).toMatchObject([{ extensions: { code } }]);
    expect(JSON.stringify(answer)).not.toContain('setHeader');
    expect(logger.text).not.toContain('setHeader');
    expect(ran).toStrictEqual([]);
  });

  test('credentials in connectionParams are not those of a request', async () => {
    const app = await start();
    const headers = await credentials('/graphql');
    const rawHeaders = Object.entries(headers).flat();
    const forged = { method: 'GET', url: '/graphql', headers, rawHeaders };
    const params = { ...forged, ...headers, req: forged, request: forged, extra: { request: forged } };
    const answer = await subscribe(app, {}, params);
    expect(JSON.stringify(answer.payload)).toContain('"credentials_missing"');
    expect(ran).toStrictEqual([]);
  });
});

@Resolver()
class FeedResolver {
  @Query(() => String)
  ping(): string {
    return 'ping';
  }

  @UseGuards(DpopGuard)
  @Subscription(() => String)
  async *feed(@DpopBound() jkt: string): AsyncGenerator<{ feed: string }> {
    ran.push(jkt);
    yield { feed: jkt };
    await new Promise(() => undefined);
  }

  @RequireScopes('admin')
  @UseGuards(DpopGuard)
  @Subscription(() => String)
  async *audit(): AsyncGenerator<{ audit: string }> {
    ran.push('audit');
    yield await Promise.resolve({ audit: 'audit' });
  }
}

const WITH_HOOKS: readonly (readonly [string, Platform, (policy: Partial<DpopPolicy>) => DynamicModule])[] = [
  [
    'Apollo on Express',
    'express',
    (policy) =>
      GraphQLModule.forRootAsync<ApolloDriverConfig>({
        driver: ApolloDriver,
        inject: [DpopSubscriptions],
        useFactory: (subscriptions: DpopSubscriptions) => ({
          autoSchemaFile: true,
          graphiql: false,
          subscriptions: { 'graphql-ws': subscriptions.forGraphqlWs(policy) },
        }),
      }),
  ],
  [
    'Mercurius on Fastify',
    'fastify',
    (policy) =>
      GraphQLModule.forRootAsync<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        inject: [DpopSubscriptions],
        useFactory: (subscriptions: DpopSubscriptions) => ({
          autoSchemaFile: true,
          subscription: subscriptions.forMercurius(policy),
        }),
      }),
  ],
];

interface Ending {
  readonly code: number;
  readonly reason: string;
}

/** What became of the socket of a client of graphql-ws. */
interface Opening {
  readonly client: Client;
  /** `open`, or how the server closed the socket. */
  readonly outcome: 'open' | Ending;
  /** The HTTP answer that refused the upgrade. */
  readonly answer?: { readonly status?: number | undefined; readonly body: string; readonly nonce: unknown };
  readonly ended: Promise<Ending>;
}

describe.each(WITH_HOOKS)('subscriptions that are verified when their socket opens, %s (J4)', (...row) => {
  const [name, platform, graphql] = row;
  const refusesBeforeUpgrade = name.startsWith('Mercurius');
  const clock = new HandClock();
  const clients: Client[] = [];
  let hooked: TestIssuer;
  let holder: TestClient;
  let bound: string;
  let app: RunningApp;

  beforeAll(async () => {
    hooked = await TestIssuer.create({ clock: clock.read });
    holder = await TestClient.create({ clock: clock.read });
  });

  beforeEach(async () => {
    bound = await hooked.issueToken({ client: holder, claims: { sid: 'session-1' } });
  });

  afterEach(async () => {
    // It rejects for a client whose socket was refused.
    await Promise.allSettled(clients.splice(0).map(async (each) => await each.dispose()));
  });

  async function start(
    policy: Partial<DpopPolicy> = {},
    dpop: Partial<DpopModuleOptions> = {},
  ): Promise<void> {
    const options = withOrigin({ accessToken: hooked.accessToken, clock: clock.read, ...dpop });
    @Module({ imports: [DpopModule.forRoot(options), graphql(policy)], providers: [FeedResolver] })
    class AppModule {}
    app = await startApp(platform, AppModule, { logger: new LogCollector() });
  }

  const credentials = async (change: Call = {}, presented = bound, signer = holder) => ({
    authorization: `DPoP ${presented}`,
    dpop: await proofFor(signer, { path: '/graphql', token: presented, ...change }),
  });

  /** Opens a socket with graphql-ws' own client. */
  async function connect(headers: Readonly<Record<string, string>>): Promise<Opening> {
    const answers: Promise<IncomingMessage>[] = [];
    class SocketWithHeaders extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol, { headers });
        sockets.push(this);
        this.on('error', () => undefined);
        const answered = once(this, 'unexpected-response').then(
          ([, response]) => response as IncomingMessage,
        );
        answered.catch(() => undefined);
        answers.push(answered);
      }
    }
    let isOpen: (outcome: 'open') => void = () => undefined;
    const opened = new Promise<'open'>((resolve) => (isOpen = resolve));
    let hasEnded: (ending: Ending) => void = () => undefined;
    const ended = new Promise<Ending>((resolve) => (hasEnded = resolve));
    const created = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: SocketWithHeaders,
      lazy: false,
      retryAttempts: 0,
      onNonLazyError: () => undefined,
      on: {
        connected: () => isOpen('open'),
        closed: (event) => hasEnded(event as Ending),
      },
    });
    clients.push(created);
    const refused = answers.map(async (answered) => {
      const response = await answered;
      return {
        status: response.statusCode,
        body: await text(response),
        nonce: response.headers['dpop-nonce'],
      };
    });
    const first = await Promise.race([opened, ended, ...refused]);
    const answer = typeof first === 'object' && 'body' in first ? first : undefined;
    // A client that listens for the answer has to end the socket itself.
    if (answer !== undefined) sockets.at(-1)?.terminate();
    const outcome = answer === undefined ? (first as 'open' | Ending) : { code: 1006, reason: '' };
    return { client: created, outcome, ended, ...(answer !== undefined && { answer }) };
  }

  async function firstOf(client_: Client, query: string): Promise<unknown> {
    for await (const result of client_.iterate({ query })) return result;
    return undefined;
  }

  test('the socket opens with a proof for its GET, and the resolver has its verdict', async () => {
    await start();
    const { client: ready, outcome } = await connect(await credentials());
    expect(outcome).toBe('open');
    // Later than any proof is fresh.
    clock.advanceSeconds(200);
    expect(await firstOf(ready, 'subscription { feed }')).toMatchObject({ data: { feed: holder.jkt } });
    expect(ran).toEqual([holder.jkt]);
  });

  test('what a resolver requires is refused by its guard, and the socket stays open', async () => {
    await start();
    const { client: ready } = await connect(await credentials());
    expect(
      JSON.stringify(await firstOf(ready, 'subscription { audit }').catch((error: unknown) => error)),
    ).toContain('insufficient_scope');
    expect(await firstOf(ready, 'subscription { feed }')).toMatchObject({ data: { feed: holder.jkt } });
    expect(ran).toEqual([holder.jkt]);
  });

  const REFUSED: readonly (readonly [string, () => Promise<Record<string, string>>, number, string])[] = [
    ['no credentials', () => Promise.resolve({}), 401, 'credentials_missing'],
    ['a proof for another path', () => credentials({ path: '/other' }), 401, 'invalid_dpop_proof'],
    ['a proof for a POST', () => credentials({ method: 'POST' }), 401, 'invalid_dpop_proof'],
    [
      'the key of a thief',
      async () => credentials({}, bound, await TestClient.create({ clock: clock.read })),
      401,
      'invalid_token',
    ],
    [
      'an expired token',
      async () => credentials({}, await hooked.issueToken({ client: holder, expiresInSeconds: -60 })),
      401,
      'invalid_token',
    ],
    [
      'two words',
      async () => ({ ...(await credentials()), authorization: 'DPoP two words' }),
      400,
      'invalid_request',
    ],
  ];

  /** Whether the server refuses before the upgrade or behind it. */
  function expectRefused({ outcome, answer }: Opening, status: number, code: string): void {
    if (refusesBeforeUpgrade) {
      expect(answer).toMatchObject({ status });
      expect(JSON.parse(answer?.body ?? '{}')).toMatchObject({ code });
    } else expect(outcome).toMatchObject({ code: 4000 + status, reason: code });
  }

  test.each(REFUSED)('with %s the socket is closed before any subscription', async (...refused) => {
    const [, headers, status, code] = refused;
    await start();
    expectRefused(await connect(await headers()), status, code);
    expect(ran).toStrictEqual([]);
  });

  test('a policy of the sockets is met, too', async () => {
    await start({ scopes: ['subscribe'] });
    expectRefused(await connect(await credentials()), 403, 'insufficient_scope');
    bound = await hooked.issueToken({ client: holder, scopes: ['subscribe'] });
    expect(await connect(await credentials())).toMatchObject({ outcome: 'open' });
  });

  test('a nonce is demanded, and opens the socket at the second try', async () => {
    await start({ nonce: 'required' });
    const first = await connect(await credentials());
    expectRefused(first, 401, 'use_dpop_nonce');
    if (!refusesBeforeUpgrade) return;
    const second = await connect(await credentials({ nonce: String(first.answer?.nonce) }));
    expect(second).toMatchObject({ outcome: 'open' });
  });

  test('a replayed handshake opens no second socket', async () => {
    await start();
    const headers = await credentials();
    expect(await connect(headers)).toMatchObject({ outcome: 'open' });
    expectRefused(await connect(headers), 401, 'invalid_dpop_proof');
  });

  test('it is closed when the token expires, and the subscription ends', async () => {
    await start();
    const { client: ready, ended } = await connect(await credentials());
    const results = ready.iterate({ query: 'subscription { feed }' });
    expect(await results.next()).toMatchObject({ value: { data: { feed: holder.jkt } } });
    clock.advanceSeconds(300);
    app.nest.get(DpopSessions).tick();
    expect(await ended).toMatchObject({ code: 4401, reason: 'token_expired' });
    await expect(results.next()).rejects.toMatchObject({ code: 4401 });
  });

  test('it is closed when the token is revoked', async () => {
    const revocation = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
    await start({}, { revocation });
    const { ended } = await connect(await credentials());
    await revocation.revoke({ issuer: hooked.issuer, sid: 'session-1' });
    for (let tick = 0; tick < 5; tick += 1) app.nest.get(DpopSessions).tick();
    expect(await ended).toMatchObject({ code: 4401, reason: 'token_revoked' });
  });

  test('a socket for everyone lets nobody in without credentials where a resolver has a guard', async () => {
    await start({ anonymous: 'allow' });
    const { client: ready, outcome } = await connect({});
    expect(outcome).toBe('open');
    const failure = await firstOf(ready, 'subscription { feed }').catch((error: unknown) => error);
    expect(JSON.stringify(failure)).toContain('credentials_missing');
    expect(ran).toStrictEqual([]);
    expectRefused(await connect(await credentials({ path: '/other' })), 401, 'invalid_dpop_proof');
  });
});
