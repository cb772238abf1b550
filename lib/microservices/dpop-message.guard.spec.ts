import { EventEmitter } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type ExecutionContext,
  ForbiddenException,
  type INestApplicationContext,
  Injectable,
  Module,
  type Type,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, NestFactory, Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { RpcException, TcpContext } from '@nestjs/microservices';
import { HandClock } from '../../test/support/hand-clock.js';
import { LogCollector } from '../../test/support/log-collector.js';
import { ORIGIN } from '../../test/support/origin.js';
import type { DpopConfig } from '../config/dpop-config.js';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import { DpopStrategy } from '../guard/dpop.strategy.js';
import { getDpopVerdict } from '../guard/get-dpop-verdict.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { DpopModule } from '../module/dpop.module.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { createTestVerdict, TestClient, TestIssuer } from '../testing/index.js';
import { loadRpcException } from '../transport/rpc-exception.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { leaveVerdict } from '../verification/request-record.js';
import { DpopMessageGuard } from './dpop-message.guard.js';

const BASE_URL = 'https://messages.example.com/v1';
const LIFETIME_SECONDS = 60;

@Injectable()
class OrdersGuard extends DpopMessageGuard {
  protected readonly baseUrl: string = BASE_URL;
}

class Orders {
  read(): void {}

  @Dpop({ nonce: 'required' })
  nonce(): void {}

  @Dpop({ anonymous: 'allow' })
  anonymous(): void {}

  @SkipDpop()
  open(): void {}
}

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let token: string;
let log: LogCollector;
const apps: INestApplicationContext[] = [];

beforeAll(async () => {
  clock = new HandClock();
  issuer = await TestIssuer.create({ clock: clock.read });
  client = await TestClient.create({ clock: clock.read });
});

beforeEach(async () => {
  log = new LogCollector();
  token = await issuer.issueToken({ client, expiresInSeconds: LIFETIME_SECONDS });
});

afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});

interface Setting {
  readonly guard?: Type<DpopMessageGuard>;
  readonly dpop?: Partial<DpopModuleOptions>;
  readonly isHttp?: boolean;
  /** Whether Nest calls the hooks of the start. */
  readonly isStarted?: boolean;
}

async function createApp({ guard = OrdersGuard, dpop = {}, isHttp = false, isStarted = true }: Setting = {}) {
  const options = { origin: ORIGIN, accessToken: issuer.accessToken, clock: clock.read, ...dpop };
  @Module({ imports: [DpopModule.forRoot(options)], providers: [guard] })
  class AppModule {}
  const settings = { logger: log, abortOnError: false } as const;
  if (!isHttp && isStarted) {
    const context = await NestFactory.createApplicationContext(AppModule, settings);
    apps.push(context);
    return { app: context, guard: context.get(guard) };
  }
  const app = await NestFactory.create(AppModule, settings);
  apps.push(app);
  if (isStarted) await app.init();
  return { app, guard: app.get(guard) };
}

function contextOf(type: string, args: unknown[], handler: keyof Orders = 'read'): ExecutionContext {
  const context = new ExecutionContextHost(args, Orders, Orders.prototype[handler]);
  context.setType(type);
  return context;
}

const prove = (path: string, nonce?: string, base = BASE_URL) =>
  client.createProof({
    method: 'POST',
    url: BASE_URL,
    token,
    ...(nonce !== undefined && { nonce }),
    claims: { htu: base + path },
  });

/** A message by TCP, as the server of Nest hands it over. */
async function messageWith(handler: keyof Orders = 'read', nonce?: string): Promise<ExecutionContext> {
  const dpop = { authorization: `DPoP ${token}`, proof: await prove(`/${handler}`, nonce) };
  return contextOf('rpc', [{ a: 1, dpop }, tcpContext(handler)], handler);
}

const tcpContext = (pattern: string) => new TcpContext([undefined as never, pattern, undefined as never]);
const emptyMessage = (handler: keyof Orders = 'read') => contextOf('rpc', [{}, tcpContext(handler)], handler);

/** Has what is used of a call of the package @grpc/grpc-js. */
class GrpcCall extends EventEmitter {
  readonly metadata = new Metadata();
  readonly events: unknown[][] = [];
  pipe: unknown;

  constructor() {
    super();
    for (const name of ['error', 'cancelled'])
      this.on(name, (value: unknown) => void this.events.push([name, value]));
  }

  getPath(): string {
    return '/ledger.Ledger/Read';
  }
}

async function callWith(changes: Partial<GrpcCall> = {}): Promise<GrpcCall> {
  const call = Object.assign(new GrpcCall(), changes);
  call.metadata.set('authorization', `DPoP ${token}`);
  call.metadata.set('dpop', await prove('/ledger.Ledger/Read'));
  return call;
}

const streamWith = () => callWith({ pipe: () => undefined });

/** The arguments of a handler for one message that answers with an observable. */
const asMethod = (call: GrpcCall) => contextOf('rpc', [{ name: 'a' }, call.metadata, call]);

const errorOf = async (guarded: Promise<unknown>): Promise<unknown> => {
  const thrown: unknown = await guarded.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(RpcException);
  return (thrown as RpcException).getError();
};

describe('a message with a token and a proof for its pattern (J3)', () => {
  test('is let in, and its handler finds the verdict and no credentials', async () => {
    const { guard } = await createApp();
    const context = await messageWith();
    expect(await guard.canActivate(context)).toBe(true);
    expect(getDpopVerdict(context)).toMatchObject({ jkt: client.jkt, subject: 'user' });
    expect(context.getArgByIndex(0)).toEqual({ a: 1 });
  });

  test('by gRPC is let in, and its handler finds the verdict', async () => {
    const { guard } = await createApp();
    const context = asMethod(await callWith());
    expect(await guard.canActivate(context)).toBe(true);
    expect(getDpopVerdict(context)).toMatchObject({ jkt: client.jkt });
  });

  test('on an open handler needs nothing', async () => {
    const { guard } = await createApp();
    expect(await guard.canActivate(emptyMessage('open'))).toBe(true);
  });
});

describe('a message that is refused (J3)', () => {
  test('is answered with the code, and with the nonce that lets it in', async () => {
    const { guard } = await createApp();
    expect(await errorOf(guard.canActivate(emptyMessage()))).toStrictEqual({
      status: 'error',
      code: 'credentials_missing',
      message: 'A DPoP-bound access token is required',
    });
    const demand = await errorOf(guard.canActivate(await messageWith('nonce')));
    expect(demand).toMatchObject({ code: 'use_dpop_nonce', nonce: expect.any(String) });
    const { nonce } = demand as { readonly nonce: string };
    expect(await guard.canActivate(await messageWith('nonce', nonce))).toBe(true);
  });

  test('by gRPC is answered with a status, and the challenge in its metadata', async () => {
    const { guard } = await createApp();
    const status = await errorOf(guard.canActivate(asMethod(new GrpcCall())));
    expect(status).toMatchObject({
      code: 16,
      details: 'credentials_missing: A DPoP-bound access token is required',
    });
    const { metadata } = status as { readonly metadata: Metadata };
    expect(metadata.get('www-authenticate')).toEqual([expect.stringMatching(/^DPoP algs=/)]);
  });

  test('has no transport that is known: the log names those that are (D9)', async () => {
    const { guard } = await createApp();
    const withoutPattern = new TcpContext([undefined as never, undefined as never, undefined as never]);
    const contexts = [undefined, null, 'context', {}, { getPattern: () => 'read' }, withoutPattern];
    for (const context of contexts) {
      const error = await errorOf(guard.canActivate(contextOf('rpc', [{}, context])));
      expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    }
    const lines = log.lines.filter((line) =>
      line.includes(
        'transport_unknown; DpopMessageGuard takes the messages of the transports of Nest: gRPC, TCP, Redis, NATS, Kafka, MQTT and RabbitMQ; for a transport of your own, override getRequest and getDpopRequest',
      ),
    );
    expect(lines).toHaveLength(contexts.length);
  });
});

describe('a call whose handler answers by itself (J3)', () => {
  /** Refuses what has been verified, in the words of the app. */
  @Injectable()
  class RefusingGuard extends OrdersGuard {
    override handleRequest(): never {
      throw new ForbiddenException('secret');
    }
  }

  /** Whether a promise has settled after all that can happen now. */
  const hasSettled = async (promise: Promise<unknown>): Promise<boolean> => {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await new Promise((resolve) => setImmediate(resolve));
    return isSettled;
  };

  function createAnswer(): [Promise<unknown>, (status: unknown) => void] {
    let answer: (status: unknown) => void = () => undefined;
    const answered = new Promise((resolve) => {
      answer = resolve;
    });
    return [answered, answer];
  }

  test('ends with the status, and neither the handler nor a rejection comes about', async () => {
    const { guard } = await createApp();
    const call = new GrpcCall();
    const ended = new Promise((resolve) => call.once('cancelled', resolve));
    const guarded = guard.canActivate(contextOf('rpc', [call]));
    await Promise.race([ended, guarded]);
    expect(await hasSettled(guarded)).toBe(false);
    expect(call.events).toEqual([
      ['error', expect.objectContaining({ code: 16 })],
      ['cancelled', 'cancelled'],
    ]);
  });

  test('with one message is answered with the status', async () => {
    const { guard } = await createApp();
    const call = new GrpcCall();
    const [answered, answer] = createAnswer();
    const guarded = guard.canActivate(contextOf('rpc', [call, answer]));
    expect(await Promise.race([answered, guarded])).toMatchObject({
      code: 16,
      metadata: expect.any(Metadata),
    });
    expect(await hasSettled(guarded)).toBe(false);
    expect(call.events).toEqual([]);
  });

  test('is told of a refusal by the app, whose text is not for clients', async () => {
    const { guard } = await createApp({ guard: RefusingGuard });
    const call = await callWith();
    const [answered, answer] = createAnswer();
    const guarded = guard.canActivate(contextOf('rpc', [call, answer]));
    expect(await Promise.race([answered, guarded])).toEqual({ code: 2, details: 'The call was refused' });
  });

  test('is let in with a token and a proof', async () => {
    const { guard } = await createApp();
    const call = await callWith();
    expect(await guard.canActivate(contextOf('rpc', [call, () => undefined]))).toBe(true);
    expect(call.events).toEqual([]);
  });
});

describe('a stream of gRPC (J1)', () => {
  function endToken(app: INestApplicationContext): void {
    clock.advanceSeconds(LIFETIME_SECONDS);
    app.get(DpopSessions).tick();
  }

  test('ends when its token expires', async () => {
    const { app, guard } = await createApp();
    const call = await streamWith();
    expect(await guard.canActivate(asMethod(call))).toBe(true);
    expect(call.events).toEqual([]);
    endToken(app);
    expect(call.events).toEqual([
      [
        'error',
        expect.objectContaining({ code: 16, details: 'invalid_token: The access token has expired' }),
      ],
      ['cancelled', 'cancelled'],
    ]);
  });

  test('ends when its token is revoked, and when revocation cannot be asked for long', async () => {
    let answer: () => boolean = () => false;
    class Checker extends RevocationChecker {
      override isRevoked(): boolean {
        return answer();
      }
    }
    const down = () => {
      throw new Error('down');
    };
    const endsOf = async (next: () => boolean): Promise<unknown> => {
      answer = () => false;
      const { app, guard } = await createApp({ dpop: { revocation: new Checker() } });
      const call = await streamWith();
      expect(await guard.canActivate(asMethod(call))).toBe(true);
      answer = next;
      for (let i = 0; i < 20; i += 1) {
        app.get(DpopSessions).tick();
        await new Promise((resolve) => setImmediate(resolve));
      }
      return call.events[0]?.[1];
    };
    expect(await endsOf(() => true)).toMatchObject({
      code: 16,
      details: 'invalid_token: The access token has been revoked',
    });
    expect(await endsOf(down)).toMatchObject({
      code: 14,
      details: 'temporarily_unavailable: The request cannot be verified at the moment',
    });
  });

  test.each(['close', 'cancelled', 'finish'])('that has ended by "%s" is left alone', async (event) => {
    const { app, guard } = await createApp();
    const call = await streamWith();
    await guard.canActivate(asMethod(call));
    call.emit(event);
    call.events.length = 0;
    endToken(app);
    expect(call.events).toEqual([]);
  });

  test('goes on where the service only reports (K1)', async () => {
    const { app, guard } = await createApp({ dpop: { enforcement: 'report' } });
    const calls = [await streamWith(), Object.assign(new GrpcCall(), { pipe: () => undefined })];
    for (const call of calls) expect(await guard.canActivate(asMethod(call))).toBe(true);
    endToken(app);
    for (const call of calls) expect(call.events).toEqual([]);
  });

  test('of nobody goes on (K2)', async () => {
    const { app, guard } = await createApp();
    const call = Object.assign(new GrpcCall(), { pipe: () => undefined });
    expect(await guard.canActivate(contextOf('rpc', [{}, call.metadata, call], 'anonymous'))).toBe(true);
    endToken(app);
    expect(call.events).toEqual([]);
  });

  test('is what ends: a call with one message each is left alone, as is an open one', async () => {
    const { app, guard } = await createApp();
    const [unary, open] = [await callWith(), await streamWith()];
    await guard.canActivate(asMethod(unary));
    // Another guard may have verified it.
    leaveVerdict(open, createTestVerdict({ claims: { exp: clock.ms / 1000 } }));
    expect(await guard.canActivate(contextOf('rpc', [{}, open.metadata, open], 'open'))).toBe(true);
    endToken(app);
    expect([unary.events, open.events]).toEqual([[], []]);
    expect(unary.listenerCount('close')).toBe(0);
  });
});

describe('what is no message is left to DpopGuard (J3)', () => {
  function requestWith(headers: readonly string[] = []): IncomingMessage {
    const request = new IncomingMessage(new Socket());
    return Object.assign(request, { method: 'GET', url: '/orders', rawHeaders: [...headers] });
  }

  const verified = async () => {
    const proof = await client.createProof({ method: 'GET', url: `${ORIGIN}/orders`, token });
    return requestWith(['Authorization', `DPoP ${token}`, 'DPoP', proof]);
  };

  test('a request of HTTP', async () => {
    const { guard } = await createApp({ isHttp: true });
    const request = await verified();
    expect(await guard.canActivate(contextOf('http', [request, new ServerResponse(request)]))).toBe(true);
    const refused = requestWith();
    const context = contextOf('http', [refused, new ServerResponse(refused)]);
    await expect(guard.canActivate(context)).rejects.toBeInstanceOf(DpopHttpException);
  });

  test('a request of HTTP to which the app has given the members of a call', async () => {
    const { app, guard } = await createApp({ isHttp: true });
    const members = { metadata: new Metadata(), getPath: () => '/ledger.Ledger/Read' };
    const request = Object.assign(await verified(), members);
    const context = contextOf('http', [request, new ServerResponse(request)]);
    expect(await guard.canActivate(context)).toBe(true);
    expect(request.listenerCount('cancelled')).toBe(0);
    const refused = Object.assign(requestWith(), members);
    const other = contextOf('http', [refused, new ServerResponse(refused)]);
    await expect(guard.canActivate(other)).rejects.toBeInstanceOf(DpopHttpException);
    clock.advanceSeconds(LIFETIME_SECONDS);
    app.get(DpopSessions).tick();
  });

  test('a message on a socket that no adapter has opened, whatever its client sends', async () => {
    const { guard } = await createApp();
    const context = contextOf('ws', [{}, tcpContext('read')]);
    expect(() => guard.getRequest(context)).toThrow(DpopUnavailableError);
    await expect(guard.canActivate(context)).rejects.toBeInstanceOf(DpopHttpException);
    expect(log.text).toContain('transport_unknown; DpopGuard takes only HTTP requests');
  });

  test('a call of an MCP server', async () => {
    const { guard } = await createApp({ isHttp: true });
    const mcpOf = (request: object) => contextOf('rpc', [{}, { getRawRequest: () => request }]);
    expect(await guard.canActivate(mcpOf(await verified()))).toBe(true);
    // As for an app with handlers of messages.
    await loadRpcException();
    const error = await errorOf(guard.canActivate(mcpOf(requestWith())));
    expect(error).toMatchObject({
      message: 'credentials_missing: A DPoP-bound access token is required',
    });
  });
});

describe('the base URL of a guard (D9)', () => {
  @Injectable()
  class InsecureGuard extends OrdersGuard {
    protected override readonly baseUrl = 'http://messages.example.com';
  }
  @Injectable()
  class OriginGuard extends OrdersGuard {
    protected override readonly baseUrl = `${ORIGIN}/messages`;
  }

  test('that clients cannot sign, or that HTTP routes may have, ends the start', async () => {
    await expect(createApp({ guard: InsecureGuard })).rejects.toThrow(
      /^InsecureGuard\.baseUrl must be an https/,
    );
    await expect(createApp({ guard: OriginGuard, isHttp: true })).rejects.toThrow(
      /^OriginGuard\.baseUrl must be/,
    );
    const undecided = createApp({ dpop: { origin: 'request' }, isHttp: true });
    await expect(undecided).rejects.toThrow(/^OrdersGuard\.baseUrl must be told apart/);
    await expect(createApp({ guard: OriginGuard })).resolves.toBeDefined();
    await expect(
      createApp({ guard: InsecureGuard, dpop: { allowInsecureHttp: true } }),
    ).resolves.toBeDefined();
  });

  test('is checked at the first message where Nest calls no hook of the start, and the log has the sentence', async () => {
    const { guard } = await createApp({ guard: OriginGuard, isHttp: true, isStarted: false });
    const error = await errorOf(guard.canActivate(await messageWith()));
    expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    expect(log.text).toContain('internal_failure; OriginGuard.baseUrl must be a URL that no HTTP route');
  });

  test('is unknown to a guard that the app creates by itself', async () => {
    const { app } = await createApp();
    const guard = new OrdersGuard(
      app.get(DpopVerifier),
      app.get<DpopConfig>(DPOP_CONFIG),
      app.get(Reflector),
      app.get(HttpAdapterHost),
      app.get(DpopStrategy),
      app.get(ModulesContainer),
      app.get(DpopSessions),
    );
    expect(() => guard.onModuleInit()).toThrow(
      new TypeError('OrdersGuard must be created by Nest, which gives it the configuration'),
    );
    const error = await errorOf(guard.canActivate(await messageWith()));
    expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    expect(log.text).toContain('internal_failure; OrdersGuard must be created by Nest');
  });

  test('is read once', async () => {
    let count = 0;
    @Injectable()
    class CountingGuard extends DpopMessageGuard {
      protected get baseUrl(): string {
        count += 1;
        return BASE_URL;
      }
    }
    const { guard } = await createApp({ guard: CountingGuard });
    await guard.canActivate(await messageWith());
    expect(count).toBe(1);
  });

  test('that cannot be read is a failure of the service, without its text in the log', async () => {
    @Injectable()
    class BrokenGuard extends DpopMessageGuard {
      protected get baseUrl(): string {
        throw new Error('secret');
      }
    }
    const { guard } = await createApp({ guard: BrokenGuard, isHttp: true, isStarted: false });
    const error = await errorOf(guard.canActivate(await messageWith()));
    expect(error).toMatchObject({ code: 'temporarily_unavailable' });
    expect(log.text).toContain('internal_failure');
    expect(log.text).not.toContain('secret');
  });
});
