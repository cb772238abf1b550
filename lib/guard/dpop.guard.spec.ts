import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Controller,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  Logger,
  type Type,
} from '@nestjs/common';
import { type HttpAdapterHost, type ModulesContainer, Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { createConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { ReplayStore } from '../storage/replay.store.js';
import { DPOP_DECISION_CHANNEL, type DpopDecision } from '../telemetry/decisions.js';
import { TestClient } from '../testing/index.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { isAnonymous, responseOf, verdictOn } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { DpopGuard } from './dpop.guard.js';
import { DpopHttpException } from './dpop-http.exception.js';
import { DpopStrategy } from './dpop.strategy.js';
import { Dpop, SkipDpop } from './policy.decorators.js';
import { RequireScopes } from './rights.decorators.js';

const ORIGIN = 'https://api.example.com';
const WINDOW_SECONDS = 120;

let client: TestClient;
let nowSeconds: number;
let answerClaim: () => unknown;
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
  error: write('error'),
  warn: write('warn'),
  debug: write('debug'),
});

class FakeTokens extends AccessTokenVerifier {
  override verify(token: string): AccessTokenClaims {
    return token === 'unbound' ? { sub: 'user' } : { sub: 'user', cnf: { jkt: client.jkt } };
  }
}

class FakeStore extends ReplayStore {
  override claim(): never {
    return answerClaim() as never;
  }

  override epochOf(): string {
    return 'AAAAAAAB';
  }
}

class AccountsController {
  list(): void {}

  @SkipDpop()
  open(): void {}

  @Dpop({ nonce: 'required' })
  nonce(): void {}

  @RequireScopes('write')
  write(): void {}

  @Dpop({ enforcement: 'report' })
  report(): void {}

  @Dpop({ enforcement: 'report', nonce: 'required' })
  reportNonce(): void {}

  @Dpop({ anonymous: 'allow' })
  anyone(): void {}

  @Dpop({ endAtExpiry: true })
  feed(): void {}

  @Dpop({ endAtExpiry: true, enforcement: 'report' })
  reportFeed(): void {}
}

beforeAll(async () => {
  client = await TestClient.create({ clock });
});

beforeEach(() => {
  nowSeconds = WINDOW_SECONDS * 15_000_000;
  answerClaim = () => 'first';
  lines = [];
  decisions = [];
  subscribe(DPOP_DECISION_CHANNEL, publish);
});

afterEach(() => {
  unsubscribe(DPOP_DECISION_CHANNEL, publish);
});

interface Parts {
  readonly options?: Partial<DpopModuleOptions>;
  readonly guard?: typeof DpopGuard;
  readonly controllers?: readonly Type[];
  readonly hostname?: string;
  readonly revocation?: RevocationChecker;
  readonly sessions?: DpopSessions;
}

function createGuard({
  options = {},
  guard = DpopGuard,
  controllers = [],
  hostname = 'a',
  revocation,
  sessions = new DpopSessions(clock),
}: Parts = {}): DpopGuard {
  const config = createConfig({ origin: ORIGIN, accessToken: new FakeTokens(), clock, ...options });
  const nonces = new StatelessNonceService({
    secrets: new FixedNonceSecrets(),
    service: 'test',
    lifetimeSeconds: WINDOW_SECONDS,
    clock,
  });
  const verifier = new DpopVerifier({
    rules: config,
    accessTokens: new FakeTokens(),
    nonces,
    replayStore: new FakeStore(),
    revocation,
  });
  const adapterHost = { httpAdapter: { getRequestHostname: () => hostname } } as unknown as HttpAdapterHost;
  const wrappers = new Map(controllers.map((metatype) => [metatype, { metatype }]));
  const modules = new Map([['module', { controllers: wrappers }]]) as unknown as ModulesContainer;
  return new guard(verifier, config, new Reflector(), adapterHost, new DpopStrategy(), modules, sessions);
}

interface Exchange {
  readonly context: ExecutionContext;
  readonly request: IncomingMessage & { user?: unknown; route?: unknown };
  /** The headers that a response with this status has. */
  headersWith(status: number): Readonly<Record<string, unknown>>;
}

type Handler =
  'list' | 'open' | 'nonce' | 'write' | 'report' | 'reportNonce' | 'anyone' | 'feed' | 'reportFeed';

async function exchange(
  handler: Handler,
  fields: Readonly<Record<string, string>>,
  { type = 'http', controller = AccountsController }: { type?: string; controller?: Type } = {},
): Promise<Exchange> {
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'GET',
    url: '/accounts',
    route: { path: '/accounts' },
    rawHeaders: Object.entries(fields).flat(),
  });
  const response = new ServerResponse(request);
  const args = type === 'http' ? [request, response] : [{}, {}, { req: request, res: response }, {}];
  const host = new ExecutionContextHost(args, controller, AccountsController.prototype[handler]);
  host.setType(type);
  return {
    context: host,
    request,
    headersWith: (status) => ({ ...response.writeHead(status).getHeaders() }),
  };
}

async function signed(
  handler: Handler = 'list',
  parts: Partial<Parameters<TestClient['createProof']>[0]> = {},
  ...rest: [Parameters<typeof exchange>[2]?]
): Promise<Exchange> {
  const proof = await client.createProof({
    method: 'GET',
    url: `${ORIGIN}/accounts`,
    token: 'token',
    ...parts,
  });
  return exchange(handler, { authorization: 'DPoP token', dpop: proof }, ...rest);
}

async function refusalOf(asking: Promise<unknown>): Promise<DpopHttpException> {
  const outcome: unknown = await asking.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(DpopHttpException);
  return outcome as DpopHttpException;
}

describe('a request that the guard lets through', () => {
  test('has the verdict as its user and on its record, and nothing in its response (D6, D7)', async () => {
    const { context, request, headersWith } = await signed();
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(request.user).toMatchObject({ jkt: client.jkt, subject: 'user' });
    expect(verdictOn(request)).toBe(request.user);
    expect(headersWith(200)).toEqual({});
    expect(lines).toStrictEqual([]);
    expect(decisions).toMatchObject([
      { outcome: 'accepted', route: '/accounts', handler: 'AccountsController.list' },
    ]);
  });

  test('is any on an open route, whose credentials nobody reads (E1)', async () => {
    const { context, request } = await exchange('open', { authorization: 'DPoP x y' });
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(verdictOn(request)).toBeUndefined();
    expect(decisions).toStrictEqual([]);
  });

  test('is told the next nonce before its own ends (E4)', async () => {
    const guard = createGuard();
    const demanded = await signed('nonce');
    await refusalOf(guard.canActivate(demanded.context));
    const nonce = String(demanded.headersWith(401)['dpop-nonce']);
    nowSeconds += WINDOW_SECONDS;
    const { context, headersWith } = await signed('nonce', { nonce });
    expect(await guard.canActivate(context)).toBe(true);
    const headers = headersWith(200);
    expect(headers).toMatchObject({
      'dpop-nonce': expect.stringMatching(/^[\w-]+$/),
      'cache-control': 'no-store',
    });
    expect(headers['dpop-nonce']).not.toBe(nonce);
  });

  test('in spite of a failing store is one that the operator is told of (F5)', async () => {
    answerClaim = () => Promise.reject(new Error('gone'));
    const guard = createGuard({ options: { onReplayStoreFailure: 'accept-and-report' } });
    const { context } = await signed();
    expect(await guard.canActivate(context)).toBe(true);
    expect(lines).toEqual([
      expect.stringMatching(
        /^error \[DpopGuard\] accepted without a replay check: replay_store_unavailable; .* on GET \/accounts \(AccountsController\.list\)$/,
      ),
    ]);
  });

  test('in spite of a failing revocation checker is one that the operator is told of (B9)', async () => {
    class Failing extends RevocationChecker {
      override isRevoked(): never {
        throw new Error('gone');
      }
    }
    const options = { onRevocationFailure: 'accept-and-report' } as const;
    const { context } = await signed();
    expect(await createGuard({ options, revocation: new Failing() }).canActivate(context)).toBe(true);
    expect(lines).toEqual([
      expect.stringMatching(
        /^error \[DpopGuard\] accepted without a revocation check: revocation_unavailable; .* on GET \/accounts \(AccountsController\.list\)$/,
      ),
    ]);
  });

  test('has the user that the app makes of its verdict (D6)', async () => {
    const asked: unknown[][] = [];
    @Injectable()
    class UsersGuard extends DpopGuard {
      override handleRequest(...values: unknown[]): never {
        asked.push(values);
        return { name: 'somebody' } as never;
      }
    }
    const { context, request } = await signed();
    expect(await createGuard({ guard: UsersGuard }).canActivate(context)).toBe(true);
    expect(request.user).toEqual({ name: 'somebody' });
    expect(asked).toEqual([[undefined, verdictOn(request), undefined, context]]);
  });
});

describe('the response of a request that the guard lets through', () => {
  test('need not exist over a transport of the app (J3)', async () => {
    @Injectable()
    class QueueGuard extends DpopGuard {
      override getRequest(context: ExecutionContext): object {
        return context.getArgByIndex(0);
      }

      protected override getDpopRequest(_context: ExecutionContext, request: object): DpopRequest {
        return request as DpopRequest;
      }
    }
    const { authorization, dpop } = await client.createHeaders({
      method: 'GET',
      url: `${ORIGIN}/accounts`,
      token: 'token',
    });
    const rawHeaders = ['authorization', authorization, 'dpop', dpop];
    const message = { method: 'GET', target: '/accounts', rawHeaders };
    const host = new ExecutionContextHost([message], AccountsController, AccountsController.prototype.list);
    host.setType('queue');
    expect(await createGuard({ guard: QueueGuard }).canActivate(host)).toBe(true);
    expect(verdictOn(message)).toMatchObject({ jkt: client.jkt });
    expect(responseOf(message)).toBeUndefined();
  });

  test.each([
    ['feed', true],
    ['list', false],
    ['reportFeed', false],
  ] as const)('of the handler %s ends with the token: %p (J2, K1)', async (handler, ends) => {
    const watched: unknown[] = [];
    class Sessions extends DpopSessions {
      override watch(...asked: Parameters<DpopSessions['watch']>): () => void {
        watched.push(asked[0]);
        return super.watch(...asked);
      }
    }
    const sessions = new Sessions(clock);
    const { context, request } = await signed(handler);
    expect(await createGuard({ sessions }).canActivate(context)).toBe(true);
    sessions.close();
    expect(watched).toEqual(ends ? [verdictOn(request)] : []);
  });

  test.each(['list', 'anyone', 'report'] as const)(
    'of the handler %s is known to those who have the request alone (D8)',
    async (handler) => {
      const { context, request } = await exchange(handler, {});
      await createGuard()
        .canActivate(context)
        .catch(() => undefined);
      expect(responseOf(request)).toBe(context.getArgByIndex(1));
    },
  );
});

describe('a request that the guard refuses', () => {
  test('has a challenge in a response of that status alone, and a line in the log (D1, D9, D10)', async () => {
    const bare = await exchange('list', {});
    const refusal = await refusalOf(createGuard().canActivate(bare.context));
    expect(refusal).toMatchObject({ statusCode: 401, cause: { reason: 'credentials_missing' } });
    expect(bare.headersWith(401)).toMatchObject({
      'www-authenticate': expect.stringMatching(/^DPoP algs="/),
      'cache-control': 'no-store',
    });
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn \[DpopGuard\] refused: credentials_missing on GET \/accounts \(AccountsController\.list\); /,
      ),
    ]);
    expect(decisions).toMatchObject([{ outcome: 'refused', handler: 'AccountsController.list' }]);

    const passed = await exchange('list', {});
    await refusalOf(createGuard().canActivate(passed.context));
    expect(passed.headersWith(200)).toEqual({});
  });

  test('has no challenge once it is withdrawn (D10)', async () => {
    const { context, headersWith } = await exchange('list', {});
    (await refusalOf(createGuard().canActivate(context))).withdraw();
    expect(headersWith(401)).toEqual({});
  });

  test('over GraphQL has the challenge whatever the status of all its resolvers is (D6)', async () => {
    const { context, headersWith } = await exchange('list', {}, { type: 'graphql' });
    expect(await refusalOf(createGuard().canActivate(context))).toMatchObject({ statusCode: 401 });
    expect(headersWith(200)).toMatchObject({ 'www-authenticate': expect.stringMatching(/^DPoP algs="/) });
  });

  test('for want of a nonce gets one, and stands in the log for those who debug (E2)', async () => {
    const { context, headersWith } = await signed('nonce');
    expect(await refusalOf(createGuard().canActivate(context))).toMatchObject({
      cause: { reason: 'nonce_missing' },
    });
    expect(headersWith(401)).toMatchObject({
      'www-authenticate': expect.stringMatching(/^DPoP error="use_dpop_nonce"/),
      'dpop-nonce': expect.stringMatching(/^[\w-]+$/),
    });
    expect(lines).toEqual([expect.stringMatching(/^debug \[DpopGuard\] refused: use_dpop_nonce/)]);
  });

  test('for want of scopes is told which the route requires (D2)', async () => {
    const { context, headersWith } = await signed('write');
    expect(await refusalOf(createGuard().canActivate(context))).toMatchObject({ statusCode: 403 });
    expect(headersWith(403)['www-authenticate']).toMatch(/^DPoP error="insufficient_scope", .*scope="write"/);
  });

  test('has its error in the challenge of the scheme that it used, where two are offered (D3)', async () => {
    const guard = createGuard({ options: { bearer: 'allow-unbound', realm: 'bank' } });
    const bearer = await exchange('list', { authorization: 'Bearer token' });
    await refusalOf(guard.canActivate(bearer.context));
    expect(bearer.headersWith(401)['www-authenticate']).toMatch(
      /^Bearer realm="bank", error="invalid_token", [^,]+, DPoP realm="bank", algs="/,
    );
    const dpop = await exchange('list', { authorization: 'DPoP token' });
    await refusalOf(guard.canActivate(dpop.context));
    expect(dpop.headersWith(401)['www-authenticate']).toMatch(
      /^Bearer realm="bank", DPoP realm="bank", error="invalid_dpop_proof"/,
    );
    const unbound = await exchange('list', { authorization: 'Bearer unbound' });
    expect(await guard.canActivate(unbound.context)).toBe(true);

    const only = await exchange('list', { authorization: 'Bearer token' });
    await refusalOf(createGuard().canActivate(only.context));
    expect(only.headersWith(401)['www-authenticate']).toMatch(/^DPoP error="invalid_token"/);
  });

  test('is shown with what the client sent by option alone (D9)', async () => {
    const sent = async (): Promise<ExecutionContext> => (await exchange('list', {})).context;
    await refusalOf(createGuard({ options: { logReceivedValues: true } }).canActivate(await sent()));
    await refusalOf(createGuard().canActivate(await sent()));
    expect(lines.map((line) => line.includes('received: request method "GET"'))).toEqual([true, false]);
  });

  test('by an override before it is examined has the challenges of the service (D3, D9)', async () => {
    @Injectable()
    class EarlyGuard extends DpopGuard {
      protected override getPolicy(): never {
        throw new DpopError('token_invalid');
      }
    }
    const options = { bearer: 'allow-unbound', logReceivedValues: true } as const;
    const { context, headersWith } = await exchange('list', { authorization: 'Bearer token' });
    const refusal = await refusalOf(createGuard({ guard: EarlyGuard, options }).canActivate(context));
    expect(refusal).toMatchObject({ statusCode: 401, cause: { reason: 'token_invalid' } });
    expect(headersWith(401)['www-authenticate']).toMatch(/^Bearer, DPoP error="invalid_token"/);
  });

  test('by the app is answered as the app says (D2)', async () => {
    @Injectable()
    class ClosedGuard extends DpopGuard {
      override handleRequest(): never {
        throw new ForbiddenException();
      }
    }
    const { context, request } = await signed();
    const asking = createGuard({ guard: ClosedGuard }).canActivate(context);
    await expect(asking).rejects.toBeInstanceOf(ForbiddenException);
    expect(verdictOn(request)).toBeUndefined();
    expect(lines).toStrictEqual([]);
  });
});

describe('a request of a route that only reports (K1)', () => {
  test('passes with what it did not meet, and is told as a refusal that was not enforced', async () => {
    const { context, request, headersWith } = await exchange('report', {});
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(request.user).toBeUndefined();
    expect(verdictOn(request)).toMatchObject({
      enforced: false,
      unmet: { reason: 'credentials_missing' },
      jkt: undefined,
    });
    expect(headersWith(200)).toEqual({});
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^warn \[DpopGuard\] .*credentials_missing on GET \/accounts \(AccountsController\.report\)/,
    );
    expect(decisions).toMatchObject([
      { outcome: 'refused', enforced: false, handler: 'AccountsController.report' },
    ]);
  });

  test('passes with its verdict and without a user, if it meets everything', async () => {
    const { context, request } = await signed('report');
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(request.user).toBeUndefined();
    expect(verdictOn(request)).toMatchObject({ enforced: true, jkt: client.jkt });
    expect(decisions).toMatchObject([{ outcome: 'accepted' }]);
    expect(lines).toStrictEqual([]);
  });

  test('has the nonce for the next proof, if that lacked one', async () => {
    const { context, headersWith } = await signed('reportNonce');
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(headersWith(200)).toMatchObject({ 'dpop-nonce': expect.stringMatching(/^[\w-]+$/) });
  });

  test('passes in spite of a failure, of which the operator is told', async () => {
    answerClaim = () => Promise.reject(new Error('gone'));
    const { context, request, headersWith } = await signed('report');
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(verdictOn(request)).toMatchObject({ unmet: { reason: 'replay_store_unavailable' } });
    expect(headersWith(200)).toEqual({});
    expect(lines).toEqual([
      expect.stringMatching(
        /^error \[DpopGuard\] let through by enforcement: 'report', would be answered 503: replay_store_unavailable; /,
      ),
    ]);
    expect(decisions).toMatchObject([{ outcome: 'unavailable', enforced: false }]);
  });

  test('passes even if an override fails while it is told', async () => {
    @Injectable()
    class NoResponseGuard extends DpopGuard {
      override getResponse(): object {
        throw new Error('quoted');
      }
    }
    const { context } = await signed('reportNonce');
    expect(await createGuard({ guard: NoResponseGuard }).canActivate(context)).toBe(true);
    expect(lines.at(-1)).toMatch(
      /^error \[DpopGuard\] let through by enforcement: 'report', would be answered 503: internal_failure; Error at /,
    );
  });

  test('passes over a transport that is not known', async () => {
    const host = new ExecutionContextHost([{}, {}], AccountsController, AccountsController.prototype.report);
    host.setType('rpc');
    expect(await createGuard().canActivate(host)).toBe(true);
    expect(decisions).toMatchObject([{ reason: 'transport_unknown', enforced: false }]);
    expect(lines).toEqual([expect.stringContaining(': transport_unknown; ')]);
  });

  test('passes with what failed before it was read, and nothing in its response', async () => {
    @Injectable()
    class LostGuard extends DpopGuard {
      protected override getPolicy(): never {
        throw new Error('quoted');
      }
    }
    const { context, request, headersWith } = await signed();
    const guard = createGuard({ guard: LostGuard, options: { enforcement: 'report' } });
    expect(await guard.canActivate(context)).toBe(true);
    expect(verdictOn(request)).toMatchObject({ enforced: false, unmet: { reason: 'internal_failure' } });
    expect(decisions).toMatchObject([{ reason: 'internal_failure', method: 'GET', enforced: false }]);
    expect(lines).toEqual([expect.stringContaining(': internal_failure; ')]);
    expect(headersWith(200)).toEqual({});
  });
});

describe('a request of a route that takes anyone (K2)', () => {
  test('passes as nobody without credentials', async () => {
    const { context, request } = await exchange('anyone', {});
    expect(await createGuard().canActivate(context)).toBe(true);
    expect(verdictOn(request)).toBeUndefined();
    expect(isAnonymous(request)).toBe(true);
    expect(decisions).toMatchObject([{ outcome: 'anonymous', route: '/accounts' }]);
    expect(lines).toStrictEqual([]);
  });

  test('passes with good credentials, and not with bad ones', async () => {
    const good = await signed('anyone');
    expect(await createGuard().canActivate(good.context)).toBe(true);
    expect(verdictOn(good.request)).toMatchObject({ jkt: client.jkt });
    expect(isAnonymous(good.request)).toBe(false);
    const bad = await exchange('anyone', { authorization: 'DPoP token' });
    await refusalOf(createGuard().canActivate(bad.context));
    expect(isAnonymous(bad.request)).toBe(false);
  });

  test('is refused without credentials on other routes', async () => {
    const { context, request } = await exchange('list', {});
    await refusalOf(createGuard().canActivate(context));
    expect(isAnonymous(request)).toBe(false);
  });
});

describe('a request that the guard cannot judge (D8)', () => {
  test('is answered with 503 and without a challenge, and stands in the log', async () => {
    answerClaim = () =>
      Promise.reject(new DpopUnavailableError('replay_store_full', { retryAfterSeconds: 7 }));
    const { context, headersWith } = await signed();
    expect(await refusalOf(createGuard().canActivate(context))).toMatchObject({ statusCode: 503 });
    const headers = headersWith(503);
    expect(headers).toMatchObject({ 'retry-after': '7', 'cache-control': 'no-store' });
    expect(headers).not.toHaveProperty('www-authenticate');
    expect(lines).toEqual([
      'error [DpopGuard] answered 503: replay_store_full; on GET /accounts (AccountsController.list)',
    ]);
    expect(decisions).toMatchObject([{ outcome: 'unavailable', jkt: client.jkt }]);
  });

  const strangers: readonly (readonly [string, string, readonly unknown[]])[] = [
    ['another transport', 'rpc', [{}, {}]],
    ['no request', 'http', [undefined, undefined]],
    ['an object that is no request', 'http', [{ method: 'GET', url: '/', rawHeaders: [] }, undefined]],
  ];

  test.each(strangers)(
    'is that of %s, of which the operator is told what to do',
    async (_what, type, args) => {
      const host = new ExecutionContextHost([...args], AccountsController, AccountsController.prototype.list);
      host.setType(type);
      expect(await refusalOf(createGuard().canActivate(host))).toMatchObject({
        statusCode: 503,
        cause: {
          reason: 'transport_unknown',
          advice:
            'DpopGuard takes only HTTP requests of Node, Express and Fastify, also from the context of a GraphQL resolver and of an MCP tool; a message of a microservice needs a DpopMessageGuard of nestjs-dpop/microservices; ' +
            'a socket must be opened by DpopWsAdapter or DpopIoAdapter; a GraphQL subscription needs the request that opened its socket there, as context: ({ extra }) => ({ req: extra.request }) gives it; ' +
            'for anything else override getRequest and getDpopRequest',
        },
      });
      expect(decisions).toMatchObject([
        { outcome: 'unavailable', reason: 'transport_unknown', handler: 'AccountsController.list' },
      ]);
      expect(lines).toHaveLength(1);
    },
  );

  test('is named by its method and route even before it is read', async () => {
    @Injectable()
    class LostGuard extends DpopGuard {
      protected override getPolicy(): never {
        throw new Error('quoted');
      }
    }
    const { context } = await signed();
    await refusalOf(createGuard({ guard: LostGuard }).canActivate(context));
    expect(decisions).toMatchObject([
      { reason: 'internal_failure', method: 'GET', route: '/accounts', handler: 'AccountsController.list' },
    ]);
    expect(lines.join()).not.toContain('quoted');
  });

  test('is one whose refusal an override cannot describe', async () => {
    @Injectable()
    class NoResponseGuard extends DpopGuard {
      override getResponse(): object {
        throw new Error('quoted');
      }
    }
    const { context, headersWith } = await exchange('list', {});
    expect(await refusalOf(createGuard({ guard: NoResponseGuard }).canActivate(context))).toMatchObject({
      statusCode: 503,
      cause: { reason: 'internal_failure', cause: new Error('quoted') },
    });
    expect(headersWith(503)).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(lines.at(-1)).toMatch(/^error \[DpopGuard\] answered 503: internal_failure; Error at /);
  });

  test('after the verdict is published as a rejection of its own (D9)', async () => {
    @Injectable()
    class FailingGuard extends DpopGuard {
      override handleRequest(): never {
        throw new Error('quoted');
      }
    }
    const { context } = await signed();
    await refusalOf(createGuard({ guard: FailingGuard }).canActivate(context));
    expect(decisions).toMatchObject([
      { outcome: 'accepted' },
      {
        outcome: 'unavailable',
        reason: 'internal_failure',
        route: '/accounts',
        handler: 'AccountsController.list',
      },
    ]);
    expect(lines).toEqual([expect.stringContaining('handleRequest of FailingGuard failed')]);
  });
});

describe('what subclasses can ask', () => {
  @Injectable()
  class CuriousGuard extends DpopGuard {
    policyOf(context: ExecutionContext) {
      return this.getPolicy(context);
    }
  }
  const guard = () => createGuard({ guard: CuriousGuard }) as CuriousGuard;

  test('is the policy of a route, which is computed once for each controller (E1)', async () => {
    class Sub extends AccountsController {}
    RequireScopes('sub')(Sub);
    const curious = guard();
    const policyFor = async (controller: Type) =>
      curious.policyOf((await exchange('list', {}, { controller })).context);
    const own = await policyFor(AccountsController);
    expect(own).toEqual({ nonce: 'off', bearer: 'reject', enforcement: 'enforce' });
    expect(await policyFor(Sub)).toEqual({ ...own, scopes: ['sub'] });
    expect(await policyFor(AccountsController)).toBe(own);
    expect(await policyFor(Sub)).toBe(await policyFor(Sub));
  });

  test('is the response of the platform, or an empty object (D6)', async () => {
    const { context } = await exchange('list', {});
    expect(guard().getResponse(context)).toBe(context.switchToHttp().getResponse());
    expect(guard().getRequest(context)).toBe(context.switchToHttp().getRequest());
    for (const args of [[{}, undefined], []]) {
      const host = new ExecutionContextHost(args, AccountsController, AccountsController.prototype.list);
      expect(guard().getResponse(host)).toEqual({});
      host.setType('rpc');
      expect(guard().getResponse(host)).toEqual({});
    }
  });
});

describe('a controller that is bound to a host', () => {
  test('takes proofs for the host by which the framework routes, and for no other (C9)', async () => {
    @Controller({ host: ':tenant.example.com' })
    class TenantController extends AccountsController {}
    const parts = {
      options: { origin: ['https://a.example.com', 'https://b.example.com'] },
      controllers: [TenantController],
      hostname: 'a.example.com',
    };
    const judge = async (host: string): Promise<unknown> => {
      const { context } = await signed(
        'list',
        { url: `https://${host}.example.com/accounts` },
        { controller: TenantController },
      );
      return createGuard(parts).canActivate(context);
    };
    expect(await judge('a')).toBe(true);
    expect(await refusalOf(judge('b'))).toMatchObject({ cause: { reason: 'proof_htu' } });
  });
});

describe('guards of one app (F1)', () => {
  test('share the examination of a request', async () => {
    const guard = createGuard();
    let claimed = 0;
    answerClaim = () => {
      claimed += 1;
      return 'first';
    };
    const { context, request } = await signed();
    await guard.canActivate(context);
    const verdict: DpopVerdict | undefined = verdictOn(request);
    expect(await guard.canActivate(context)).toBe(true);
    expect(verdictOn(request)).toBe(verdict);
    expect(claimed).toBe(1);
  });
});
