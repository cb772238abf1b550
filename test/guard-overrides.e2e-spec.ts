import { beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  DpopStrategy,
  type DpopVerdict,
  DpopVerifier,
} from '../lib/index.js';
import { TestClient, TestIssuer } from '../lib/testing/index.js';
import { PLATFORMS } from './support/platforms.js';
import { startRecordingApp } from './support/recording-app.js';

const ORIGIN = 'https://api.example.com';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let runs = 0;
let reads = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

/** Fails for the second look at a request. */
@Injectable()
class ReadOnceGuard extends DpopGuard {
  protected override getDpopRequest(context: ExecutionContext, request: object): DpopRequest {
    reads += 1;
    if (reads > 1) throw new Error('the request was read before');
    return super.getDpopRequest(context, request);
  }
}

/** Fails while it describes a refusal. */
@Injectable()
class NoResponseGuard extends DpopGuard {
  override getResponse(): object {
    throw new Error('quoted');
  }
}

/** Writes headers to a response of its own. */
@Injectable()
class OwnResponseGuard extends DpopGuard {
  override getResponse(context: ExecutionContext): object {
    const response = super.getResponse(context) as { header(name: string, value: string): void };
    response.header('x-seen', 'yes');
    return response;
  }
}

/** Looks users up, and finds none. */
@Injectable()
class NoUserGuard extends DpopGuard {
  override handleRequest(): never {
    return nobody() as never;
  }
}

let nobody: () => unknown;

/** Returns a user where the verdict belongs. */
@Injectable()
class UserStrategy extends DpopStrategy {
  override async validate(...asked: Parameters<DpopStrategy['validate']>): Promise<DpopVerdict> {
    const { subject } = await super.validate(...asked);
    return { subject } as DpopVerdict;
  }
}

function controllerOf(guard: typeof DpopGuard) {
  @UseGuards(guard)
  @Controller()
  class GuardedController {
    @Get()
    read(): string {
      runs += 1;
      return 'read';
    }
  }
  return GuardedController;
}

interface CallOptions {
  readonly scheme?: string;
  readonly options?: Partial<DpopModuleOptions>;
}

describe.each(PLATFORMS)('overrides of the guard, on %s', (platform) => {
  async function call(
    guard: typeof DpopGuard,
    { scheme = 'DPoP', options = {} }: CallOptions = {},
  ): Promise<Response> {
    runs = 0;
    reads = 0;
    const app = await startRecordingApp(platform, {
      dpop: { origin: ORIGIN, accessToken: issuer.accessToken, ...options },
      controllers: [controllerOf(guard)],
    });
    try {
      const headers = await client.createHeaders({ method: 'GET', url: `${ORIGIN}/`, token });
      const authorization = `${scheme} ${token}`;
      const response = await fetch(app.url, { headers: { ...headers, authorization } });
      const body = await response.text();
      return Object.assign(response, { text: () => Promise.resolve(body) });
    } finally {
      await app.close();
    }
  }

  test('getDpopRequest is called once, for a refusal under two schemes and with received values in the log, too (D8)', async () => {
    const options = { bearer: 'allow-unbound', logReceivedValues: true } as const;
    expect((await call(ReadOnceGuard, { options })).status).toBe(200);
    expect(runs).toBe(1);
    const refused = await call(ReadOnceGuard, { options, scheme: 'Bearer' });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token".*, DPoP algs=/);
    expect([runs, reads]).toEqual([0, 1]);
  });

  test('a getResponse that throws is answered with 503, and nothing of its error is told (D8)', async () => {
    expect((await call(NoResponseGuard)).status).toBe(200);
    const response = await call(NoResponseGuard, { scheme: 'Bearer' });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    const body = await response.text();
    expect(JSON.parse(body)).toMatchObject({ statusCode: 503, code: 'temporarily_unavailable' });
    expect(body).not.toContain('quoted');
    expect(runs).toBe(0);
  });

  test.each([
    ['undefined', () => undefined],
    ['null', () => null],
    ['false', () => false],
    ['nothing but a blank name', () => ''],
    ['a promise of undefined', () => Promise.resolve(undefined)],
    ['a promise of null', () => Promise.resolve(null)],
  ])('a handleRequest that returns %s lets nobody in (D8)', async (_what, answer) => {
    nobody = () => ({ name: 'somebody' });
    expect((await call(NoUserGuard)).status).toBe(200);
    nobody = answer;
    expect((await call(NoUserGuard)).status).toBe(503);
    expect(runs).toBe(0);
  });

  test('getResponse decides where the headers of a refusal go (D4)', async () => {
    const response = await call(OwnResponseGuard, { scheme: 'Bearer' });
    expect(response.status).toBe(401);
    expect(response.headers.get('x-seen')).toBe('yes');
    expect(response.headers.get('www-authenticate')).toContain('DPoP error="invalid_token"');
    expect(runs).toBe(0);
  });
});

test('a strategy that returns a user in the place of the verdict lets nobody in (D8)', async () => {
  const strategy = new UserStrategy();
  const app = await NestFactory.createApplicationContext(
    DpopModule.forRoot({ origin: ORIGIN, accessToken: issuer.accessToken }),
    { logger: false },
  );
  try {
    const { authorization = '', dpop = '' } = await client.createHeaders({
      method: 'GET',
      url: `${ORIGIN}/`,
      token,
    });
    const rawHeaders = ['Authorization', authorization, 'DPoP', dpop];
    const request = { method: 'GET', target: '/', rawHeaders };
    const examination = app.get(DpopVerifier).examine(request);
    const answer = strategy.run(request, () => examination.authorize({ nonce: 'off', bearer: 'reject' }));
    await expect(answer).rejects.toMatchObject({ reason: 'verdict_missing' });
  } finally {
    await app.close();
  }
});
