import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LogCollector } from '../../test/support/log-collector.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopModule } from '../module/dpop.module.js';
import { TestClient } from '../testing/index.js';
import { verdictOn } from '../verification/request-record.js';
import { DpopSubscriptions } from './dpop-subscriptions.js';
import type { MercuriusHooks } from './subscription-hooks.js';

let client: TestClient;
let log: LogCollector;
let context: INestApplicationContext;
let hooks: MercuriusHooks;

class FakeTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return { scope: 'read', cnf: { jkt: client.jkt } };
  }
}

/** Has what is used of a socket of the package ws. */
class OpenSocket extends EventEmitter {
  readonly readyState = 1;
  readonly closes: unknown[] = [];

  close(...how: unknown[]): void {
    this.closes.push(how);
  }
}

beforeAll(async () => {
  client = await TestClient.create();
});

beforeEach(async () => {
  const options = { origin: 'https://api.example.com', accessToken: new FakeTokens() };
  @Module({ imports: [DpopModule.forRoot(options)] })
  class AppModule {}
  log = new LogCollector();
  context = await NestFactory.createApplicationContext(AppModule, { logger: log });
  log.lines.length = 0;
  hooks = context.get(DpopSubscriptions).forMercurius({ scopes: ['read'] });
});

afterEach(async () => {
  await context.close();
});

function requestWith(rawHeaders: string[] = []): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  return Object.assign(request, { method: 'GET', url: '/graphql', rawHeaders });
}

async function goodRequest(): Promise<IncomingMessage> {
  const url = 'https://api.example.com/graphql';
  const proof = await client.createProof({ method: 'GET', url, token: 'token' });
  return requestWith(['Authorization', 'DPoP token', 'DPoP', proof]);
}

describe('Mercurius, before the upgrade (J1)', () => {
  const answerTo = (req: IncomingMessage): Promise<unknown[]> =>
    new Promise((resolve) => {
      hooks.verifyClient({ req }, (...answer) => {
        resolve(answer);
      });
    });

  test('accepts a request that meets the policy', async () => {
    expect(await answerTo(await goodRequest())).toEqual([true]);
  });

  test('refuses any other with the whole answer (D1)', async () => {
    const [isAccepted, status, body, headers] = await answerTo(requestWith());
    expect([isAccepted, status]).toEqual([false, 401]);
    expect(JSON.parse(String(body))).toMatchObject({ code: 'credentials_missing' });
    expect(headers).toMatchObject({
      'WWW-Authenticate': expect.stringMatching(/^DPoP /),
      Connection: 'close',
    });
    expect(log.text).toContain('GraphQL subscriptions');
  });

  test('cuts off a connection whose listener of the app throws, and tells so (D8, D9)', async () => {
    const request = await goodRequest();
    const closed = new Promise((resolve) => request.socket.once('close', resolve));
    hooks.verifyClient({ req: request }, () => {
      throw new RangeError('of the app');
    });
    await closed;
    await new Promise(setImmediate);
    expect(log.text).toMatch(/^error .*internal_failure; RangeError at .*GraphQL subscriptions/);
  });
});

describe('Mercurius, after the upgrade (J1)', () => {
  test('gives resolvers the verdict, on its request and on that of Node', async () => {
    const raw = await goodRequest();
    const request = { raw };
    expect(await hooks.context(new OpenSocket(), request)).toEqual({});
    expect(verdictOn(request)).toMatchObject({ jkt: client.jkt });
    expect(verdictOn(request)).toBe(verdictOn(raw));
  });

  test('takes the request of Node itself, too', async () => {
    const raw = await goodRequest();
    expect(await hooks.context(new OpenSocket(), raw)).toEqual({});
    expect(verdictOn(raw)).toMatchObject({ jkt: client.jkt });
  });

  test('goes on with no socket that is refused, and with none whose request is unknown', async () => {
    const refused = 'The socket of a GraphQL subscription was refused';
    const socket = new OpenSocket();
    await expect(hooks.context(socket, { raw: requestWith() })).rejects.toThrow(refused);
    expect(socket.closes).toEqual([[4401, 'credentials_missing']]);
    await expect(hooks.context(new OpenSocket(), {})).rejects.toThrow(refused);
  });
});
