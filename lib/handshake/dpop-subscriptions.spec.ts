import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HandClock } from '../../test/support/hand-clock.js';
import { LogCollector } from '../../test/support/log-collector.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopModule } from '../module/dpop.module.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { TestClient } from '../testing/index.js';
import { verdictOn } from '../verification/request-record.js';
import { DpopSubscriptions } from './dpop-subscriptions.js';

const LIFETIME_SECONDS = 60;

/** Has what is used of a socket of the package ws. */
class OpenSocket extends EventEmitter {
  readyState = 1;
  readonly closes: unknown[] = [];

  constructor() {
    super();
    this.on('message', () => undefined);
  }

  /** How it was closed, and how many listeners still wait for its messages. */
  close(code: number, reason: string): void {
    this.closes.push([code, reason, this.listenerCount('message')]);
  }
}

let clock: HandClock;
let client: TestClient;
let answerToken: () => unknown;
let log: LogCollector;
let context: INestApplicationContext | undefined;

class FakeTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return answerToken() as AccessTokenClaims;
  }
}

beforeAll(async () => {
  clock = new HandClock();
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(() => {
  log = new LogCollector();
  answerToken = () => ({ cnf: { jkt: client.jkt }, exp: clock.ms / 1000 + LIFETIME_SECONDS });
});

afterEach(async () => {
  await context?.close();
});

async function subscriptionsWith(options: Partial<DpopModuleOptions> = {}): Promise<DpopSubscriptions> {
  const accessToken = new FakeTokens();
  const whole = { origin: 'https://api.example.com', accessToken, clock: clock.read, ...options };
  @Module({ imports: [DpopModule.forRoot(whole)] })
  class AppModule {}
  context = await NestFactory.createApplicationContext(AppModule, { logger: log });
  log.lines.length = 0;
  return context.get(DpopSubscriptions);
}

function requestWith(rawHeaders: string[] = []): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'GET', url: '/graphql', rawHeaders });
  return request;
}

async function goodRequest(): Promise<IncomingMessage> {
  const url = 'https://api.example.com/graphql';
  const proof = await client.createProof({ method: 'GET', url, token: 'token' });
  return requestWith(['Authorization', 'DPoP token', 'DPoP', proof]);
}

/** Lets the token end, and all sessions be looked at twice. */
function endToken(): void {
  clock.advanceSeconds(LIFETIME_SECONDS);
  context?.get(DpopSessions).tick();
  context?.get(DpopSessions).tick();
}

describe('the socket of a subscription (J1)', () => {
  test('is closed when its token ends, however often it was opened', async () => {
    const subscriptions = await subscriptionsWith();
    const [socket, request] = [new OpenSocket(), await goodRequest()];
    expect(await subscriptions.open(socket, request)).toBe(true);
    expect(await subscriptions.open(socket, request)).toBe(true);
    expect(verdictOn(request)).toMatchObject({ jkt: client.jkt });
    expect(socket.closes).toStrictEqual([]);
    expect(socket.listenerCount('message')).toBe(1);
    endToken();
    expect(socket.closes).toEqual([[4401, 'token_expired', 0]]);
  });

  test('that has closed by itself is not closed again', async () => {
    const subscriptions = await subscriptionsWith();
    const socket = new OpenSocket();
    await subscriptions.open(socket, await goodRequest());
    socket.emit('close');
    endToken();
    expect(socket.closes).toStrictEqual([]);
  });

  test('is closed at once if its request is refused, with the code as the reason (D1)', async () => {
    const subscriptions = await subscriptionsWith();
    const closing = async (request: IncomingMessage, policy = {}): Promise<unknown> => {
      const socket = new OpenSocket();
      expect(await subscriptions.open(socket, request, policy)).toBe(false);
      return socket.closes;
    };
    expect(await closing(requestWith())).toEqual([[4401, 'credentials_missing', 0]]);
    expect(await closing(requestWith(['Authorization', 'DPoP']))).toEqual([[4400, 'invalid_request', 0]]);
    const forbidden = await closing(await goodRequest(), { scopes: ['write'] });
    expect(forbidden).toEqual([[4403, 'insufficient_scope', 0]]);
    expect(log.text).toContain('GraphQL subscriptions');
  });

  test('is closed with 1013 if the service fails (D8)', async () => {
    const subscriptions = await subscriptionsWith();
    const socket = new OpenSocket();
    answerToken = () => undefined;
    expect(await subscriptions.open(socket, await goodRequest())).toBe(false);
    expect(socket.closes).toEqual([[1013, 'temporarily_unavailable', 0]]);
  });

  test('that closes while its request is verified is left alone', async () => {
    const subscriptions = await subscriptionsWith();
    for (const request of [requestWith(), await goodRequest()]) {
      const socket = new OpenSocket();
      const opening = subscriptions.open(socket, request);
      socket.readyState = 2;
      expect(await opening).toBe(false);
      endToken();
      expect(socket.closes).toStrictEqual([]);
    }
  });

  test('of a request without credentials is open where its policy allows that (K2)', async () => {
    const subscriptions = await subscriptionsWith();
    const socket = new OpenSocket();
    expect(await subscriptions.open(socket, requestWith(), { anonymous: 'allow' })).toBe(true);
    endToken();
    expect(socket.closes).toStrictEqual([]);
  });

  test.each<[string, Partial<DpopModuleOptions>, object]>([
    ['the service', { enforcement: 'report' }, {}],
    ['its policy', {}, { enforcement: 'report' }],
  ])('is not closed where %s only reports (K1)', async (_who, options, policy) => {
    const subscriptions = await subscriptionsWith(options);
    const sockets = [new OpenSocket(), new OpenSocket()] as const;
    expect(await subscriptions.open(sockets[0], await goodRequest(), policy)).toBe(true);
    expect(await subscriptions.open(sockets[1], requestWith(), policy)).toBe(true);
    endToken();
    expect(sockets.map(({ closes }) => closes)).toEqual([[], []]);
  });

  test('and its request must be what they are taken for', async () => {
    const subscriptions = await subscriptionsWith({ enforcement: 'report' });
    const request = await goodRequest();
    const broken = (changes: object): unknown => Object.assign(new OpenSocket(), changes);
    for (const socket of [
      undefined,
      null,
      'socket',
      {},
      broken({ readyState: '1' }),
      broken({ once: undefined }),
      broken({ removeAllListeners: undefined }),
      broken({ close: undefined }),
    ])
      expect(await subscriptions.open(socket, request)).toBe(false);
    for (const other of [undefined, {}, Object.assign({}, request)])
      expect(await subscriptions.open(new OpenSocket(), other)).toBe(false);
  });
});

describe('the hooks for graphql-ws (J1)', () => {
  test('open the socket of a connection, by the policy that was given', async () => {
    const subscriptions = await subscriptionsWith();
    const { onConnect } = subscriptions.forGraphqlWs({ scopes: ['write'] });
    const socket = new OpenSocket();
    expect(await onConnect({ extra: { socket, request: await goodRequest() } })).toBe(false);
    expect(socket.closes).toEqual([[4403, 'insufficient_scope', 0]]);
    const open = { socket: new OpenSocket(), request: await goodRequest() };
    expect(await subscriptions.forGraphqlWs().onConnect({ extra: open })).toBe(true);
    for (const extra of [undefined, {}]) expect(await onConnect({ extra })).toBe(false);
  });
});
