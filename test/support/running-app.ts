import type { INestApplication, Type } from '@nestjs/common';
import type { DynamicModule, LoggerService } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { DpopModuleOptions } from 'nestjs-dpop';
import { TestClient, type TestProofOptions } from 'nestjs-dpop/testing';

/** What clients sign in these tests; requests go to loopback all the same. */
export const ORIGIN = 'https://api.example.com';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface RunningApp {
  readonly nest: INestApplication;
  readonly url: string;
}

export interface StartOptions {
  readonly logger?: LoggerService;
  readonly adapter?: AbstractHttpAdapter;
  readonly before?: (nest: INestApplication) => void;
}

const running: INestApplication[] = [];

/** Starts an app on a free port of loopback. Call `closeApps` afterwards. */
export async function startApp(
  platform: Platform,
  module: Type | DynamicModule,
  { logger, adapter = adapterOf(platform), before }: StartOptions = {},
): Promise<RunningApp> {
  const nest = await NestFactory.create(module, adapter, { logger: logger ?? false, abortOnError: false });
  running.push(nest);
  before?.(nest);
  await nest.listen(0, '127.0.0.1');
  return { nest, url: await nest.getUrl() };
}

export async function closeApps(): Promise<void> {
  await Promise.all(running.splice(0).map((nest) => nest.close()));
}

export function adapterOf(platform: Platform): AbstractHttpAdapter {
  return platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
}

/** A clock in the hand of the test; it stands still until told. */
export class HandClock {
  constructor(public ms: number = Date.parse('2030-01-01T00:00:00Z')) {}

  readonly read = (): number => this.ms;

  /** At the beginning of a window of so many seconds. */
  static atWindow(seconds: number): HandClock {
    return new HandClock(Math.ceil(Date.parse('2030-01-01T00:00:00Z') / 1000 / seconds) * seconds * 1000);
  }

  advanceSeconds(seconds: number): void {
    this.ms += seconds * 1000;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** The stable code in the body. */
  readonly code: string | undefined;
  readonly challenge: string | null;
  readonly nonce: string | null;
}

export interface Call extends Partial<Omit<TestProofOptions, 'token' | 'url'>> {
  readonly path?: string;
  readonly token?: string;
  /** A proof made before, to be sent again. */
  readonly proof?: string;
  /** What is signed before the path, default `ORIGIN`. */
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends one request, with a right token and proof if there is a token. Nothing is retried. */
export async function call(app: RunningApp, client: TestClient, options: Call = {}): Promise<Answer> {
  const { path = '/', token, proof, headers, body, method = 'GET' } = options;
  const credentials: Record<string, string> = {};
  if (token !== undefined) {
    credentials['authorization'] = `DPoP ${token}`;
    credentials['dpop'] = proof ?? (await proofFor(client, options));
  }
  return await send(app.url + path, {
    method,
    headers: {
      ...credentials,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** The proof that `call` would send. */
export function proofFor(
  client: TestClient,
  { method = 'GET', path = '/', ...options }: Call,
): Promise<string> {
  const { token, nonce, claims, header, origin = ORIGIN } = options;
  return client.createProof({
    method,
    url: origin + path,
    ...(token !== undefined && { token }),
    ...(nonce !== undefined && { nonce }),
    ...(claims !== undefined && { claims }),
    ...(header !== undefined && { header }),
  });
}

export async function send(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  const body: unknown = parse(text);
  const code: unknown = (body as { code?: unknown } | null)?.code;
  return {
    status: response.status,
    headers: response.headers,
    body,
    code: typeof code === 'string' ? code : undefined,
    challenge: response.headers.get('www-authenticate'),
    nonce: response.headers.get('dpop-nonce'),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A service failure as the contract has it (D8): 503, when to come back, no challenge. */
export const UNAVAILABLE = { status: 503, code: 'temporarily_unavailable', challenge: null, nonce: null };

/** Keeps what is logged, everything of it. */
export class LogCollector implements LoggerService {
  readonly lines: string[] = [];

  readonly log = (...parts: unknown[]): void => this.#keep('log', parts);
  readonly error = (...parts: unknown[]): void => this.#keep('error', parts);
  readonly warn = (...parts: unknown[]): void => this.#keep('warn', parts);
  readonly debug = (...parts: unknown[]): void => this.#keep('debug', parts);
  readonly verbose = (...parts: unknown[]): void => this.#keep('verbose', parts);
  readonly fatal = (...parts: unknown[]): void => this.#keep('fatal', parts);

  get text(): string {
    return this.lines.join('\n');
  }

  #keep(level: string, parts: readonly unknown[]): void {
    this.lines.push([level, ...parts.map(String)].join(' '));
  }
}

/** Options that any app in these tests may start with. */
export type TestOptions = Partial<DpopModuleOptions> & Pick<DpopModuleOptions, 'accessToken'>;

export function withOrigin(options: TestOptions): DpopModuleOptions {
  return { origin: ORIGIN, ...options };
}
