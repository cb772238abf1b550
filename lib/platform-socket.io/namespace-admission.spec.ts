import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WebSocketGateway, WsException } from '@nestjs/websockets';
import { LogCollector } from '../../test/support/log-collector.js';
import { ORIGIN } from '../../test/support/origin.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { RequireAnyScope, RequireScopes } from '../guard/rights.decorators.js';
import type { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import { socketServicesOf } from '../handshake/socket-services.js';
import { DpopModule } from '../module/dpop.module.js';
import { TestClient, TestIssuer } from '../testing/index.js';
import { handshakeOf } from '../transport/handshake.js';
import type { IoSocket } from './io-types.js';
import { NamespaceAdmission } from './namespace-admission.js';
import { rulesOf } from './server-rules.js';

let issuer: TestIssuer;
let client: TestClient;
let log: LogCollector;
const contexts: INestApplicationContext[] = [];

beforeAll(async () => {
  [issuer, client] = await Promise.all([TestIssuer.create(), TestClient.create()]);
});

beforeEach(() => {
  log = new LogCollector();
});

afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
});

@WebSocketGateway()
class RootGateway {}

@RequireScopes('orders')
@WebSocketGateway({ namespace: 'orders' })
class OrdersGateway {}

@RequireScopes('rooms')
@WebSocketGateway({ namespace: /^\/room-\d+$/g })
class RoomsGateway {}

@SkipDpop()
@WebSocketGateway({ namespace: '/open' })
class OpenGateway {}

@Dpop({ enforcement: 'report' })
@WebSocketGateway({ namespace: 'reported' })
class ReportingGateway {}

@Dpop({ nonce: 'required' })
@WebSocketGateway({ namespace: 'nonce' })
class NonceGateway {}

async function admissionOf(gateways: readonly Type[], broken?: Partial<DpopHandshakes>) {
  const dpop = DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken });
  @Module({ imports: [dpop], providers: [...gateways] })
  class AppModule {}
  const context = await NestFactory.createApplicationContext(AppModule, { logger: log, abortOnError: false });
  contexts.push(context);
  const services = socketServicesOf(context, 'DpopIoAdapter');
  const handshakes = (broken ?? services.handshakes) as DpopHandshakes;
  const all = services.gateways.gateways;
  const admission = new NamespaceAdmission(all, services.gateways, handshakes, rulesOf(all));
  log.lines.length = 0;
  return admission;
}

async function requestWith(scopes?: readonly string[]): Promise<IncomingMessage> {
  const request = new IncomingMessage(new Socket());
  const rawHeaders: string[] = [];
  if (scopes !== undefined) {
    const token = await issuer.issueToken({ client, scopes });
    const proof = await client.createProof({ method: 'GET', url: `${ORIGIN}/socket.io/`, token });
    rawHeaders.push('Authorization', `DPoP ${token}`, 'DPoP', proof);
  }
  return Object.assign(request, { method: 'GET', url: '/socket.io/', rawHeaders });
}

interface Refused extends Error {
  readonly data: unknown;
}

/** Enters a namespace. Resolves to the socket and the error that its client gets. */
async function enter(admission: NamespaceAdmission, namespace: string, request: IncomingMessage) {
  const socket = { nsp: { name: namespace }, request } as unknown as IoSocket;
  const error = await new Promise<Error | undefined>((resolve) => {
    admission.admit(socket, resolve);
  });
  return { socket, error: error as Refused | undefined };
}

const ALL = [RootGateway, OrdersGateway, RoomsGateway, OpenGateway];

describe('a namespace (J1)', () => {
  test.each([
    ['/', []],
    ['/orders', ['orders']],
    ['/room-7', ['rooms']],
    ['/open', []],
    ['/open', undefined],
  ])('%s is entered with the scopes %j', async (namespace, scopes) => {
    const admission = await admissionOf(ALL);
    // Twice: an expression with the flag g would let in every other client only.
    for (let i = 0; i < 2; i += 1) {
      const { socket, error } = await enter(admission, namespace, await requestWith(scopes));
      expect(error).toBeUndefined();
      expect(admission.isReporting(socket)).toBe(false);
    }
  });

  test.each([
    ['/', undefined, 'credentials_missing', 401, /^DPoP algs=/],
    ['/orders', ['rooms'], 'insufficient_scope', 403, /scope="orders"/],
    ['/room-7', ['orders'], 'insufficient_scope', 403, /scope="rooms"/],
  ])('%s is not entered with the scopes %j', async (namespace, scopes, code, statusCode, challenge) => {
    const admission = await admissionOf(ALL);
    const { error } = await enter(admission, namespace, await requestWith(scopes));
    expect(error?.message).toMatch(/^(A DPoP-bound access token is required|The access token lacks)/);
    expect(error?.data).toStrictEqual({ code, statusCode, challenge: expect.stringMatching(challenge) });
  });

  test('that demands a nonce sends one, without a challenge for what is no refusal', async () => {
    const admission = await admissionOf([NonceGateway]);
    const { error } = await enter(admission, '/nonce', await requestWith([]));
    expect(error?.data).toStrictEqual({
      code: 'use_dpop_nonce',
      statusCode: 401,
      challenge: expect.any(String),
      nonce: expect.any(String),
    });
  });

  test('keeps the request for the guards on its messages, and their refusals for its client', async () => {
    const request = await requestWith();
    const { socket } = await enter(await admissionOf(ALL), '/open', request);
    expect(handshakeOf(socket)?.request).toBe(request);
    const exception = handshakeOf(socket)?.toException({
      statusCode: 403,
      code: 'insufficient_scope',
      message: 'It lacks one',
    });
    expect(exception).toBeInstanceOf(WsException);
    expect((exception as WsException).getError()).toEqual({
      status: 'error',
      code: 'insufficient_scope',
      message: 'It lacks one',
    });
  });

  test('that cannot be verified is closed, and nothing rejects (D5, D8)', async () => {
    const admission = await admissionOf(ALL, { verify: () => Promise.reject(new Error('down')) });
    const { error } = await enter(admission, '/orders', await requestWith([]));
    expect(error?.message).toBe('The request cannot be verified at the moment');
    expect(error?.data).toStrictEqual({ code: 'temporarily_unavailable', statusCode: 503 });
  });

  test('that is refused without a challenge has none in its data (D8)', async () => {
    const body = JSON.stringify({ code: 'temporarily_unavailable', message: 'Later' });
    const refusal = { status: 503, code: 'temporarily_unavailable' as const, headers: {}, body };
    const admission = await admissionOf(ALL, { verify: () => Promise.resolve({ refusal }) });
    const { error } = await enter(admission, '/orders', await requestWith([]));
    expect(error?.message).toBe('Later');
    expect(error?.data).toStrictEqual({ code: 'temporarily_unavailable', statusCode: 503 });
  });

  test('that only reports lets everyone in, and is told from others (K1)', async () => {
    const admission = await admissionOf([ReportingGateway, RootGateway]);
    const reported = await enter(admission, '/reported', await requestWith());
    expect(reported.error).toBeUndefined();
    expect(admission.isReporting(reported.socket)).toBe(true);
    const other = await enter(admission, '/', await requestWith([]));
    expect(other.error).toBeUndefined();
    expect(admission.isReporting(other.socket)).toBe(false);
  });
});

describe('a namespace without a gateway (J1)', () => {
  test('is closed, and the log says once what to do (D9)', async () => {
    const admission = await admissionOf([RootGateway]);
    const assertClosed = async (namespace: string) => {
      const { error } = await enter(admission, namespace, await requestWith([]));
      expect(error?.message).toBe('Invalid namespace');
      expect(error?.data).toStrictEqual({ code: 'invalid_request', statusCode: 400 });
    };
    await assertClosed('/other');
    expect(log.lines).toHaveLength(1);
    await assertClosed('/more');
    expect(log.lines).toEqual([
      'warn A client was refused a namespace without a gateway. If clients are to use it, put a gateway on it: @WebSocketGateway({ namespace: … }) takes a name or a regular expression DpopIoAdapter',
    ]);
  });

  test('is closed beside open gateways, and beside one that refuses', async () => {
    for (const gateways of [[OpenGateway], [ReportingGateway, RootGateway]]) {
      const { error } = await enter(await admissionOf(gateways), '/other', await requestWith());
      expect(error?.message).toBe('Invalid namespace');
    }
  });

  test('is left to socket.io where the gateways only report (K1)', async () => {
    const { error } = await enter(await admissionOf([ReportingGateway]), '/other', await requestWith());
    expect(error).toBeUndefined();
  });
});

describe('gateways of one namespace whose requirements have no sum (D9)', () => {
  const gatewayOf = (namespace: string | RegExp, scope: string): Type => {
    class Gateway {}
    RequireAnyScope('a', scope)(Gateway);
    WebSocketGateway({ namespace })(Gateway);
    return Gateway;
  };

  test.each([
    ['orders', '/orders'],
    ['', '/'],
  ])('end the start for the names %j and %j', async (first, second) => {
    await expect(admissionOf([gatewayOf(first, 'b'), gatewayOf(second, 'c')])).rejects.toThrow(
      /^@RequireAnyScope\(\) must be the same on gateways that share a connection/,
    );
  });

  test('do not end it for different names, nor for expressions, which may share none', async () => {
    await expect(admissionOf([gatewayOf('a', 'b'), gatewayOf('b', 'c')])).resolves.toBeDefined();
    await expect(admissionOf([gatewayOf(/^\/a?$/, 'b'), gatewayOf(/^\/b?$/, 'c')])).resolves.toBeDefined();
  });
});
