import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { type DynamicModule, Module, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import { DpopBound, DpopGuard, DpopModule } from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { proofFor } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { ORIGIN } from './support/origin.js';
import type { Platform } from './support/platforms.js';
import { closeApps, type RunningApp, startApp } from './support/running-app.js';

// As in graphql.e2e-spec.ts: Mercurius requires it for a page that is never shown.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

/** As far as it is used here; the package has no types, and comes with @nestjs/graphql. */
interface Socket {
  on(event: string, listener: (data: unknown) => void): void;
  send(text: string): void;
  terminate(): void;
}
const packageName: string = 'ws';
const { WebSocket: ClientSocket } = (await import(packageName)) as {
  readonly WebSocket: new (url: string, protocol: string, options: object) => Socket;
};

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let ran: string[] = [];
const sockets: Socket[] = [];

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
    const socket = new ClientSocket(url, 'graphql-transport-ws', { headers });
    sockets.push(socket);
    const send = (message: object) => socket.send(JSON.stringify(message));
    socket.on('open', () => send({ type: 'connection_init', payload: connectionParams }));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.type === 'connection_ack')
        send({ id: '1', type: 'subscribe', payload: { query: 'subscription { tick }' } });
      else resolve(message);
    });
    socket.on('error', reject);
    socket.on('close', (code) => reject(new Error(`closed with ${String(code)}`)));
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
    expect(JSON.stringify(answer.payload)).toContain(`"${code}"`);
    expect(JSON.stringify(answer)).not.toContain('setHeader');
    expect(logger.text).not.toContain('setHeader');
    expect(ran).toEqual([]);
  });

  test('credentials in connectionParams are not those of a request', async () => {
    const app = await start();
    const headers = await credentials('/graphql');
    const rawHeaders = Object.entries(headers).flat();
    const forged = { method: 'GET', url: '/graphql', headers, rawHeaders };
    const params = { ...forged, ...headers, req: forged, request: forged, extra: { request: forged } };
    const answer = await subscribe(app, {}, params);
    expect(JSON.stringify(answer.payload)).toContain('"credentials_missing"');
    expect(ran).toEqual([]);
  });
});
