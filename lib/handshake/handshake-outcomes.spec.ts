import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LogCollector } from '../../test/support/log-collector.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopModule } from '../module/dpop.module.js';
import { MemoryReplayStore } from '../storage/memory-replay.store.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { DPOP_DECISION_CHANNEL } from '../telemetry/decisions.js';
import { TestClient } from '../testing/index.js';
import { isAnonymous, verdictOn } from '../verification/request-record.js';
import { DpopHandshakes } from './dpop-handshakes.js';

const NAME = { route: '/feed', handler: 'FeedGateway' };

let client: TestClient;
let log: LogCollector;
const contexts: INestApplicationContext[] = [];
const decisions: unknown[] = [];
const listen = (decision: unknown): void => void decisions.push(decision);

class FakeTokens extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return { sub: 'user', scope: 'read', cnf: { jkt: client.jkt } };
  }
}

beforeAll(async () => {
  client = await TestClient.create();
});

beforeEach(() => {
  log = new LogCollector();
  decisions.length = 0;
  subscribe(DPOP_DECISION_CHANNEL, listen);
});

afterEach(async () => {
  unsubscribe(DPOP_DECISION_CHANNEL, listen);
  for (const context of contexts.splice(0)) await context.close();
});

async function handshakesWith(options: Partial<DpopModuleOptions> = {}): Promise<DpopHandshakes> {
  const whole = { origin: 'https://api.example.com', accessToken: new FakeTokens(), ...options };
  @Module({ imports: [DpopModule.forRoot(whole)] })
  class AppModule {}
  const context = await NestFactory.createApplicationContext(AppModule, { logger: log });
  contexts.push(context);
  log.lines.length = 0;
  return context.get(DpopHandshakes);
}

function requestWith(rawHeaders: string[] = []): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/feed';
  request.rawHeaders = rawHeaders;
  return request;
}

async function goodRequest(): Promise<IncomingMessage> {
  const url = 'https://api.example.com/feed';
  const proof = await client.createProof({ method: 'GET', url, token: 'token' });
  return requestWith(['Authorization', 'DPoP token', 'DPoP', proof]);
}

describe('a handshake that is let in (J1)', () => {
  test('has a verdict, which stays with its request', async () => {
    const request = await goodRequest();
    const { verdict, refusal } = await (await handshakesWith()).verify(request, {}, NAME);
    expect(verdict).toMatchObject({ jkt: client.jkt, enforced: true });
    expect(refusal).toBeUndefined();
    expect(verdictOn(request)).toBe(verdict);
    expect(decisions).toMatchObject([{ outcome: 'accepted', method: 'GET', jkt: client.jkt, ...NAME }]);
    expect(log.lines).toStrictEqual([]);
  });

  test('as nobody has neither, if its policy allows that, and it has no credentials (K2)', async () => {
    const handshakes = await handshakesWith();
    const request = requestWith();
    expect(await handshakes.verify(request, { anonymous: 'allow' }, NAME)).toEqual({});
    expect(isAnonymous(request)).toBe(true);
    expect(decisions).toMatchObject([{ outcome: 'anonymous', ...NAME }]);
    const bad = requestWith(['Authorization', 'DPoP token']);
    expect(await handshakes.verify(bad, { anonymous: 'allow' })).toMatchObject({ refusal: { status: 401 } });
    expect(await handshakes.verify(requestWith())).toMatchObject({ refusal: { status: 401 } });
    expect([isAnonymous(bad), verdictOn(bad)]).toEqual([false, undefined]);
  });

  test('with credentials is nobody under no policy (K2)', async () => {
    const request = await goodRequest();
    const outcome = await (await handshakesWith()).verify(request, { anonymous: 'allow' });
    expect(outcome).toMatchObject({ verdict: { jkt: client.jkt } });
    expect(isAnonymous(request)).toBe(false);
  });

  test('although the replay store fails is told to the operator (F5, D9)', async () => {
    class FailingStore extends MemoryReplayStore {
      override claim(): never {
        throw new Error('gone');
      }
    }
    const storage = Object.assign(new MemoryStorage(), { replayStore: new FailingStore() });
    const handshakes = await handshakesWith({ storage, onReplayStoreFailure: 'accept-and-report' });
    expect(await handshakes.verify(await goodRequest(), {}, NAME)).toMatchObject({
      verdict: { jkt: client.jkt },
    });
    expect(log.lines).toMatchObject([
      expect.stringMatching(/^error accepted without a replay check: .*FeedGateway.* DpopHandshakes$/),
    ]);
  });

  test('by report mode alone has a verdict that says so, and is told to the operator (K1)', async () => {
    const policy = { enforcement: 'report', scopes: ['write'] } as const;
    const request = await goodRequest();
    const { verdict, refusal } = await (await handshakesWith()).verify(request, policy, NAME);
    expect(verdict).toMatchObject({ enforced: false, unmet: { reason: 'scope_insufficient' } });
    expect(refusal).toBeUndefined();
    expect(verdictOn(request)).toBe(verdict);
    expect(decisions).toMatchObject([{ outcome: 'refused', enforced: false, ...NAME }]);
    expect(log.lines).toMatchObject([
      expect.stringMatching(/^warn .*scope_insufficient.*FeedGateway.* DpopHandshakes$/),
    ]);
  });
});

describe('a handshake that is refused (J1)', () => {
  test('is answered as any other request, and its connection is closed', async () => {
    const outcome = await (await handshakesWith()).verify(await goodRequest(), { scopes: ['write'] }, NAME);
    expect(outcome).toMatchObject({
      refusal: {
        status: 403,
        code: 'insufficient_scope',
        headers: {
          'WWW-Authenticate': expect.stringContaining('scope="write"'),
          'Content-Type': 'application/json; charset=utf-8',
          Connection: 'close',
        },
      },
    });
    expect(JSON.parse(outcome.refusal?.body ?? '')).toMatchObject({ code: 'insufficient_scope' });
    expect(decisions).toMatchObject([{ outcome: 'refused', enforced: true, method: 'GET', ...NAME }]);
    expect(log.lines).toMatchObject([
      expect.stringMatching(/^warn .*scope_insufficient.*GET.*FeedGateway.* DpopHandshakes$/),
    ]);
  });

  test('before it is examined is told, too (D9)', async () => {
    const handshakes = await handshakesWith();
    const { refusal } = await handshakes.verify({ method: 'GET' } as IncomingMessage, {}, NAME);
    expect(refusal).toMatchObject({ status: 503 });
    const unknown = { outcome: 'unavailable', reason: 'transport_unknown', method: 'GET', ...NAME };
    expect(decisions).toMatchObject([unknown]);
    expect(log.lines).toMatchObject([expect.stringContaining('transport_unknown')]);
  });

  test('because something of the app has failed is answered with 503, and told (D8, D9)', async () => {
    const handshakes = await handshakesWith();
    const refusal = handshakes.fail(requestWith(), new RangeError('of the app'), NAME);
    expect(refusal).toMatchObject({ status: 503, code: 'temporarily_unavailable' });
    expect(refusal.headers).toMatchObject({ 'Retry-After': '1' });
    expect(log.lines).toMatchObject([
      expect.stringMatching(/^error .*internal_failure; RangeError at .*FeedGateway/),
    ]);
  });

  test('with a failure of the app itself is passed on (D8)', async () => {
    class FailingTokens extends FakeTokens {
      override verify(): never {
        throw new DpopUnavailableError('issuer_unavailable', { retryAfterSeconds: 7 });
      }
    }
    const handshakes = await handshakesWith({ accessToken: new FailingTokens() });
    expect(await handshakes.verify(await goodRequest())).toMatchObject({
      refusal: { status: 503, headers: { 'Retry-After': '7' } },
    });
  });
});
