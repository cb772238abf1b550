import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { expect } from '@jest/globals';
import {
  type ExecutionContext,
  type INestApplicationContext,
  Injectable,
  Module,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { RpcException, TcpContext } from '@nestjs/microservices';
import { Dpop, DpopModule, type DpopModuleOptions, DpopSessions, SkipDpop } from 'nestjs-dpop';
import { DpopMessageGuard } from 'nestjs-dpop/microservices';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { HandClock } from './hand-clock.js';
import { LogCollector } from './log-collector.js';
import { ORIGIN } from './origin.js';

export const BASE_URL = 'https://messages.example.com/v1';
const LIFETIME_SECONDS = 60;

@Injectable()
export class OrdersGuard extends DpopMessageGuard {
  protected readonly baseUrl: string = BASE_URL;
}

/** The handlers of messages. */
class Orders {
  read(): void {}

  @Dpop({ nonce: 'required' })
  nonce(): void {}

  @Dpop({ anonymous: 'allow' })
  anonymous(): void {}

  @SkipDpop()
  open(): void {}
}

/** Has what is used of a call of the package @grpc/grpc-js. */
export class GrpcCall extends EventEmitter {
  readonly metadata = new Metadata();
  /** How it ended. */
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

export interface MessageGuardSetting {
  readonly guard?: Type<DpopMessageGuard>;
  readonly dpop?: Partial<DpopModuleOptions>;
  readonly isHttp?: boolean;
  /** Whether Nest calls the hooks of the start. */
  readonly isStarted?: boolean;
}

/** Apps with a guard of messages, and messages as the servers of Nest hand them over. */
export class MessageScene {
  readonly #apps: INestApplicationContext[] = [];
  log = new LogCollector();
  token = '';

  private constructor(
    readonly clock: HandClock,
    readonly issuer: TestIssuer,
    readonly client: TestClient,
  ) {}

  static async create(): Promise<MessageScene> {
    const clock = new HandClock();
    const options = { clock: clock.read };
    return new MessageScene(clock, await TestIssuer.create(options), await TestClient.create(options));
  }

  /** Before each test. */
  async begin(): Promise<void> {
    this.log = new LogCollector();
    this.token = await this.issuer.issueToken({ client: this.client, expiresInSeconds: LIFETIME_SECONDS });
  }

  /** After each test. */
  async end(): Promise<void> {
    for (const app of this.#apps.splice(0)) await app.close();
  }

  async createApp({
    guard = OrdersGuard,
    dpop = {},
    isHttp = false,
    isStarted = true,
  }: MessageGuardSetting = {}) {
    const { accessToken } = this.issuer;
    const options = { origin: ORIGIN, accessToken, clock: this.clock.read, ...dpop };
    @Module({ imports: [DpopModule.forRoot(options)], providers: [guard] })
    class AppModule {}
    const settings = { logger: this.log, abortOnError: false } as const;
    if (!isHttp && isStarted) {
      const context = await NestFactory.createApplicationContext(AppModule, settings);
      this.#apps.push(context);
      return { app: context, guard: context.get(guard) };
    }
    const app = await NestFactory.create(AppModule, settings);
    this.#apps.push(app);
    if (isStarted) await app.init();
    return { app, guard: app.get(guard) };
  }

  /** Lets the token end, and all sessions be looked at. */
  endToken(app: INestApplicationContext): void {
    this.clock.advanceSeconds(LIFETIME_SECONDS);
    app.get(DpopSessions).tick();
  }

  /** A message by TCP with credentials. */
  async messageWith(handler: keyof Orders = 'read', nonce?: string): Promise<ExecutionContext> {
    const dpop = {
      authorization: `DPoP ${this.token}`,
      proof: await this.#prove(`/${handler}`, nonce),
    };
    return contextOf('rpc', [{ a: 1, dpop }, tcpContext(handler)], handler);
  }

  /** A call with credentials. */
  async callWith(changes: Partial<GrpcCall> = {}): Promise<GrpcCall> {
    const call = Object.assign(new GrpcCall(), changes);
    call.metadata.set('authorization', `DPoP ${this.token}`);
    call.metadata.set('dpop', await this.#prove('/ledger.Ledger/Read'));
    return call;
  }

  streamWith(): Promise<GrpcCall> {
    return this.callWith({ pipe: () => undefined });
  }

  #prove(path: string, nonce?: string): Promise<string> {
    return this.client.createProof({
      method: 'POST',
      url: BASE_URL,
      token: this.token,
      ...(nonce !== undefined && { nonce }),
      claims: { htu: BASE_URL + path },
    });
  }
}

export function contextOf(type: string, args: unknown[], handler: keyof Orders = 'read'): ExecutionContext {
  const context = new ExecutionContextHost(args, Orders, Orders.prototype[handler]);
  context.setType(type);
  return context;
}

/** The arguments of a handler for one message that answers with an observable. */
export function asMethod(call: GrpcCall, handler: keyof Orders = 'read'): ExecutionContext {
  return contextOf('rpc', [{ name: 'a' }, call.metadata, call], handler);
}

export function tcpContext(pattern: string): TcpContext {
  return new TcpContext([undefined as never, pattern, undefined as never]);
}

/** A message by TCP without credentials. */
export function emptyMessage(handler: keyof Orders = 'read'): ExecutionContext {
  return contextOf('rpc', [{}, tcpContext(handler)], handler);
}

/** What the client of a refused message reads. */
export async function errorOf(guarded: Promise<unknown>): Promise<unknown> {
  const thrown: unknown = await guarded.catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(RpcException);
  return (thrown as RpcException).getError();
}
