import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Controller, Injectable, Logger, type Type } from '@nestjs/common';
import type { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { createAuthorizationServerConfig } from '../config/authorization-server-config.js';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import { DpopError } from '../errors/dpop.error.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import { DPOP_DECISION_CHANNEL, type DpopDecision } from '../telemetry/decisions.js';
import { TestClient } from '../testing/index.js';
import { DpopProofVerifier } from '../verification/dpop-proof.verifier.js';
import { proofOn } from '../verification/request-record.js';
import { DpopOAuthException } from './dpop-oauth.exception.js';
import { DpopProof } from './dpop-proof.decorator.js';
import { DpopProofGuard } from './dpop-proof.guard.js';

const ISSUER = 'https://auth.example.com';
const WINDOW_SECONDS = 120;

let client: TestClient;
let nowSeconds: number;
let lines: string[];
let decisions: DpopDecision[];

const clock = () => nowSeconds * 1000;
const publish = (decision: unknown): void => void decisions.push(decision as DpopDecision);
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void =>
    void lines.push(`${level} [${String(rest.at(-1))}] ${String(text)}`);
Logger.overrideLogger({
  log: write('log'),
  warn: write('warn'),
  error: write('error'),
  debug: write('debug'),
});

beforeAll(async () => {
  client = await TestClient.create({ clock });
});

beforeEach(() => {
  nowSeconds = WINDOW_SECONDS * 15_000_000;
  lines = [];
  decisions = [];
  subscribe(DPOP_DECISION_CHANNEL, publish);
});

afterEach(() => {
  unsubscribe(DPOP_DECISION_CHANNEL, publish);
});

class TokenController {
  issue(): void {}

  @DpopProof({ absentProof: 'accept' })
  push(): void {}

  @DpopProof({ nonce: 'required' })
  renew(): void {}
}

interface Parts {
  readonly options?: Partial<DpopAuthorizationServerOptions>;
  readonly guard?: typeof DpopProofGuard;
  readonly controllers?: readonly Type[];
}

function createGuard({ options = {}, guard = DpopProofGuard, controllers = [] }: Parts = {}): DpopProofGuard {
  const storage = new MemoryStorage({ maxEntries: 1 });
  const config = createAuthorizationServerConfig({ issuer: ISSUER, clock, storage, ...options });
  const nonces = new StatelessNonceService({
    secrets: new FixedNonceSecrets(),
    service: 'test',
    lifetimeSeconds: WINDOW_SECONDS,
    clock,
  });
  const verifier = new DpopProofVerifier({ rules: config, nonces, replayStore: storage.replayStore });
  const adapterHost = { httpAdapter: { getRequestHostname: () => 'a' } } as unknown as HttpAdapterHost;
  const wrappers = new Map(controllers.map((metatype) => [metatype, { metatype }]));
  const modules = new Map([['module', { controllers: wrappers }]]) as unknown as ModulesContainer;
  return new guard(verifier, config, adapterHost, modules);
}

type Handler = 'issue' | 'push' | 'renew';

function exchange(
  handler: Handler,
  fields: Readonly<Record<string, string>>,
  controller: Type = TokenController,
) {
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'POST',
    url: '/token',
    route: { path: '/token' },
    rawHeaders: Object.entries(fields).flat(),
  });
  const response = new ServerResponse(request);
  const context = new ExecutionContextHost(
    [request, response],
    controller,
    TokenController.prototype[handler],
  );
  return {
    context,
    request,
    headersWith: (status: number) => ({ ...response.writeHead(status).getHeaders() }),
  };
}

async function signed(handler: Handler, nonce?: string, controller?: Type, origin = ISSUER) {
  const proof = await client.createProof({
    method: 'POST',
    url: `${origin}/token`,
    ...(nonce !== undefined && { nonce }),
  });
  return exchange(handler, { dpop: proof }, controller);
}

async function refusalOf(asking: Promise<unknown>): Promise<DpopOAuthException> {
  const outcome: unknown = await asking.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(DpopOAuthException);
  return outcome as DpopOAuthException;
}

describe('a request that the guard of an authorization server lets through (G1, G2)', () => {
  test('has the verdict on its record, and no cache stores its answer', async () => {
    const { context, request, headersWith } = await signed('issue');
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(proofOn(request)).toEqual({ verdict: { jkt: client.jkt, hasNonce: false } });
    const headers = headersWith(200);
    expect(headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(headers).not.toHaveProperty('dpop-nonce');
    expect(lines).toStrictEqual([]);
    expect(decisions).toMatchObject([
      { outcome: 'accepted', jkt: client.jkt, route: '/token', handler: 'TokenController.issue' },
    ]);
  });

  test('may have no proof where the endpoint accepts that', async () => {
    const { context, request, headersWith } = exchange('push', {});
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(proofOn(request)).toEqual({ verdict: undefined });
    expect(headersWith(200)).not.toHaveProperty('dpop-nonce');
  });

  test('is told the next nonce before its own ends (E4)', async () => {
    const guard = createGuard({ options: { storage: new MemoryStorage() } });
    const demand = await signed('renew');
    await refusalOf(guard.canActivate(demand.context));
    const nonce = String(demand.headersWith(400)['dpop-nonce']);
    nowSeconds += WINDOW_SECONDS;
    const { context, headersWith } = await signed('renew', nonce);
    expect(await guard.canActivate(context)).toBe(true);
    const next = headersWith(200)['dpop-nonce'];
    expect(next).toMatch(/^[\w-]+$/);
    expect(next).not.toBe(nonce);
  });

  test('was sent to a host that its controller serves (C9o)', async () => {
    @Controller({ host: 'a' })
    class BoundController extends TokenController {}
    const guard = createGuard({
      options: { origin: ['https://a', 'https://b'] },
      controllers: [BoundController],
    });
    const good = await signed('issue', undefined, BoundController, 'https://a');
    expect(await guard.canActivate(good.context)).toBe(true);
    const other = await signed('issue', undefined, BoundController, 'https://b');
    expect(await refusalOf(guard.canActivate(other.context))).toMatchObject({
      cause: { reason: 'proof_htu' },
    });
  });
});

describe('a request that the guard of an authorization server refuses (G2)', () => {
  test('is 400 with no challenge, and a line in the log', async () => {
    const { context, headersWith } = exchange('issue', {});
    const refusal = await refusalOf(createGuard().canActivate(context));
    expect(refusal.getStatus()).toBe(400);
    expect(refusal).toMatchObject({ error: 'invalid_dpop_proof', cause: { reason: 'proof_missing' } });
    const headers = headersWith(400);
    expect(headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(headers).not.toHaveProperty('www-authenticate');
    expect(headers).not.toHaveProperty('retry-after');
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn \[DpopProofGuard\] refused: invalid_dpop_proof \(proof_missing\) on POST \/token \(TokenController\.issue\)/,
      ),
    ]);
    expect(decisions).toMatchObject([
      { outcome: 'refused', reason: 'proof_missing', route: '/token', handler: 'TokenController.issue' },
    ]);
  });

  test('for want of a nonce gets one, once it is not withdrawn (E2, D10)', async () => {
    const guard = createGuard();
    const [one, other] = [await signed('renew'), await signed('renew')];
    expect(await refusalOf(guard.canActivate(one.context))).toMatchObject({ error: 'use_dpop_nonce' });
    expect(one.headersWith(400)).toMatchObject({ 'dpop-nonce': expect.stringMatching(/^[\w-]+$/) });
    (await refusalOf(guard.canActivate(other.context))).withdraw();
    expect(other.headersWith(400)).toEqual({});
  });

  test('is shown with what the client sent by option alone (D9)', async () => {
    await refusalOf(
      createGuard({ options: { logReceivedValues: true } }).canActivate(exchange('issue', {}).context),
    );
    await refusalOf(createGuard().canActivate(exchange('issue', {}).context));
    expect(lines.map((line) => line.includes('received: request method "POST"'))).toEqual([true, false]);
  });

  test('by an override before it is examined has nothing to show (D9)', async () => {
    @Injectable()
    class EarlyGuard extends DpopProofGuard {
      protected override getDpopRequest(): never {
        throw new DpopError('target_unusable');
      }
    }
    const guard = createGuard({ guard: EarlyGuard, options: { logReceivedValues: true } });
    const refusal = await refusalOf(guard.canActivate(exchange('issue', {}).context));
    expect(refusal).toMatchObject({ cause: { reason: 'target_unusable' } });
    expect(lines).toEqual([expect.stringMatching(/^warn \[DpopProofGuard\] refused: invalid_request/)]);
    expect(lines.join()).not.toContain('received:');
    expect(decisions).toMatchObject([
      { outcome: 'refused', reason: 'target_unusable', method: 'POST', handler: 'TokenController.issue' },
    ]);
  });
});

describe('a request that the guard of an authorization server cannot judge (D8)', () => {
  test('is 503, with when to come back, and stands in the log', async () => {
    const guard = createGuard();
    expect(await guard.canActivate((await signed('issue')).context)).toBe(true);
    const { context, headersWith } = await signed('issue');
    const refusal = await refusalOf(guard.canActivate(context));
    expect(refusal.getStatus()).toBe(503);
    const headers = headersWith(503);
    expect(headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(headers).not.toHaveProperty('dpop-nonce');
    expect(lines).toEqual([
      expect.stringMatching(
        /^error \[DpopProofGuard\] answered 503: replay_store_full; .*on POST \/token \(TokenController\.issue\)$/,
      ),
    ]);
    expect(decisions).toMatchObject([{ outcome: 'accepted' }, { outcome: 'unavailable', jkt: client.jkt }]);
  });

  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'POST',
    url: '/token',
    rawHeaders: [],
  });
  const response = new ServerResponse(request);
  test.each<[string, string, readonly unknown[]]>([
    ['another transport', 'rpc', [{}, {}]],
    ['a resolver', 'graphql', [{}, {}, { req: request, res: response }, {}]],
    ['no request', 'http', [undefined, response]],
    ['no response', 'http', [request, undefined]],
    ['an object that is no request', 'http', [{ method: 'POST', url: '/token', rawHeaders: [] }, {}]],
  ])('is that of %s, of which the operator is told what to do', async (_what, type, args) => {
    const context = new ExecutionContextHost([...args], TokenController, TokenController.prototype.push);
    context.setType(type);
    const advice =
      'DpopProofGuard takes only HTTP requests of Node, Express and Fastify; put it on routes of controllers';
    const refusal = await refusalOf(createGuard().canActivate(context));
    expect(refusal.getStatus()).toBe(503);
    expect(refusal.cause).toMatchObject({ reason: 'transport_unknown', advice });
    expect(decisions).toMatchObject([
      { outcome: 'unavailable', reason: 'transport_unknown', handler: 'TokenController.push' },
    ]);
    expect(lines).toEqual([
      expect.stringContaining(`error [DpopProofGuard] answered 503: transport_unknown; ${advice}`),
    ]);
  });

  test('is one whose policy an override cannot tell, and its decision names the route (D9)', async () => {
    @Injectable()
    class LostGuard extends DpopProofGuard {
      protected override getPolicy(): never {
        throw new Error('quoted');
      }
    }
    const { context, headersWith } = exchange('push', {});
    const refusal = await refusalOf(createGuard({ guard: LostGuard }).canActivate(context));
    expect(refusal.cause).toMatchObject({ reason: 'internal_failure' });
    expect(headersWith(503)).toMatchObject({ 'retry-after': '1' });
    expect(decisions).toMatchObject([
      {
        outcome: 'unavailable',
        reason: 'internal_failure',
        route: '/token',
        handler: 'TokenController.push',
      },
    ]);
    expect(lines.join()).not.toContain('quoted');
  });
});
