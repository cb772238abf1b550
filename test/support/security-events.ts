import { connect } from 'node:net';
import type { DynamicModule, INestApplication, ModuleMetadata } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule, type DenyList, MemoryDenyList } from 'nestjs-dpop';
import { SecurityEventsModule, type SecurityEventsOptions } from 'nestjs-dpop/security-events';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { type Answer, call, send } from './call.js';
import { GuardedController } from './guarded.controller.js';
import type { HandClock } from './hand-clock.js';
import { LogCollector } from './log-collector.js';
import { ORIGIN } from './origin.js';
import type { Platform } from './platforms.js';
import { createRootModule } from './root-module.js';
import { type RunningApp, startApp } from './running-app.js';

export const RECEIVER = 'https://api.example.com/events';
export const SECRET = 'Bearer 0123456789abcdef';
export const MEDIA_TYPE = 'application/secevent+jwt';
export const SESSION_REVOKED = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked';
export const CREDENTIAL_CHANGE = 'https://schemas.openid.net/secevent/caep/event-type/credential-change';
export const ACCOUNT_DISABLED = 'https://schemas.openid.net/secevent/risc/event-type/account-disabled';

export interface SetOptions {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
}

export interface EventAppOptions {
  readonly events?: Partial<SecurityEventsOptions>;
  readonly denyList?: DenyList;
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly providers?: Parameters<typeof createRootModule>[0]['providers'];
  readonly before?: (nest: INestApplication) => void;
  /** In place of `forRoot`. */
  readonly module?: (options: SecurityEventsOptions) => DynamicModule;
}

/** An issuer that also transmits events, a client with tokens of it, and the apps that receive. */
export class EventScene {
  readonly logger = new LogCollector();

  private constructor(
    readonly clock: HandClock,
    readonly issuer: TestIssuer,
    readonly client: TestClient,
  ) {}

  static async create(clock: HandClock, listens = false): Promise<EventScene> {
    const options = { clock: clock.read };
    const issuer = listens ? await TestIssuer.listen(options) : await TestIssuer.create(options);
    return new EventScene(clock, issuer, await TestClient.create(options));
  }

  get nowSeconds(): number {
    return Math.floor(this.clock.ms / 1000);
  }

  get keys(): TestIssuer['keys'] {
    return structuredClone(this.issuer.keys);
  }

  /** An app whose global guard is `DpopGuard`. */
  async start(platform: Platform, options: EventAppOptions = {}): Promise<RunningApp> {
    const { clock, issuer, logger } = this;
    const denyList = options.denyList ?? new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
    const events: SecurityEventsOptions = {
      path: 'security-events',
      transmitters: [{ issuer: issuer.issuer, audience: RECEIVER, keys: this.keys }],
      denyList,
      authorization: SECRET,
      clock: clock.read,
      ...options.events,
    };
    const dpop = DpopModule.forRoot({
      origin: ORIGIN,
      accessToken: { ...issuer.accessToken, keys: this.keys },
      revocation: denyList,
      clock: clock.read,
    });
    const module = createRootModule({
      dpop,
      imports: [...(options.imports ?? []), options.module?.(events) ?? SecurityEventsModule.forRoot(events)],
      controllers: [GuardedController],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }, ...(options.providers ?? [])],
    });
    return await startApp(platform, module, { logger, ...(options.before && { before: options.before }) });
  }

  /** A Security Event Token that is accepted, unless the options change it. */
  async sign({ claims, header }: SetOptions = {}): Promise<string> {
    return await this.issuer.issueToken({
      header: { typ: 'secevent+jwt', ...header },
      claims: {
        aud: RECEIVER,
        sub: undefined,
        exp: undefined,
        client_id: undefined,
        sub_id: { format: 'iss_sub', iss: this.issuer.issuer, sub: 'alice' },
        events: { [SESSION_REVOKED]: { event_timestamp: this.nowSeconds } },
        ...claims,
      },
    });
  }

  async push(
    { url }: { readonly url: string },
    body: string | Uint8Array,
    headers: Readonly<Record<string, string | undefined>> = {},
    path = '/security-events',
  ): Promise<Answer> {
    const all = { 'content-type': MEDIA_TYPE, authorization: SECRET, ...headers };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    return await send(url + path, { method: 'POST', headers: given, body: Buffer.from(body) });
  }

  /** A bound token, and how it is answered at the moment. */
  async issue(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return await this.issuer.issueToken({ client: this.client, claims: { sub: 'alice', ...claims } });
  }

  async statusOf(app: RunningApp, token: string, path = '/'): Promise<number> {
    return (await call(app, this.client, { token, path })).status;
  }
}

/** Pushes a chunked body as it is, and returns what the server answers before it closes the connection. */
export function pushChunks(port: number, chunks: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const head = [
      'POST /security-events HTTP/1.1',
      'Host: localhost',
      `Content-Type: ${MEDIA_TYPE}`,
      `Authorization: ${SECRET}`,
      'Transfer-Encoding: chunked',
    ].join('\r\n');
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head}\r\n\r\n${chunks}`));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => undefined).on('close', () => resolve(answer));
  });
}
