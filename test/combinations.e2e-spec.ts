import { timingSafeEqual } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type ExecutionContext, Get, Injectable, UseGuards } from '@nestjs/common';
import {
  Dpop,
  type DpopActivation,
  type DpopError,
  DpopGuard,
  type DpopHttpException,
  DpopModule,
  type DpopModuleOptions,
  type DpopUnavailableError,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let runs = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client });
});

afterEach(async () => {
  runs = 0;
  await closeApps();
});

const dpopModule = (overrides: Partial<DpopModuleOptions> = {}) =>
  DpopModule.forRoot(withOrigin({ accessToken: issuer.accessToken, ...overrides }));

const API_KEY = Buffer.from('a-right-api-key');

/** As docs/route-policies.md has it. */
@Injectable()
class ApiKeyOrDpopGuard extends DpopGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    return this.hasApiKey(context) || (await super.canActivate(context));
  }

  protected override refuse(
    activation: DpopActivation,
    error: DpopError | DpopUnavailableError,
  ): DpopHttpException {
    if (error.status === 401) {
      const response = this.getResponse(activation.context);
      this.adapterHost.httpAdapter.setHeader?.(response, 'WWW-Authenticate', 'ApiKey realm="accounts"');
    }
    return super.refuse(activation, error);
  }

  private hasApiKey(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Readonly<Record<string, unknown>> }>();
    const key = headers['x-api-key'];
    const given = Buffer.from(typeof key === 'string' ? key : '');
    return given.length === API_KEY.length && timingSafeEqual(given, API_KEY);
  }
}

@UseGuards(ApiKeyOrDpopGuard)
@Controller()
class EitherController {
  @Get()
  read(): string {
    runs += 1;
    return 'read';
  }

  @Get('nonce')
  @Dpop({ nonce: 'required' })
  nonce(): string {
    runs += 1;
    return 'nonce';
  }
}

describe.each(PLATFORMS)('DPoP or an API key on %s (D10)', (platform) => {
  const start = (logger: LogCollector) =>
    startApp(platform, createRootModule({ dpop: dpopModule(), controllers: [EitherController] }), { logger });

  test('a request with the key passes and leaves no trace: no header, no line, no decision', async () => {
    const logger = new LogCollector();
    const app = await start(logger);
    const linesBefore = logger.lines.length;
    const decisions = await observeDecisions(async () => {
      for (const extra of [{}, { token: 'not.a.token' }]) {
        const answer = await call(app, client, { headers: { 'x-api-key': 'a-right-api-key' }, ...extra });
        expect(answer).toMatchObject({ status: 200, challenge: null, nonce: null });
        expect(answer.headers.get('cache-control')).toBeNull();
      }
    });
    expect(runs).toBe(2);
    expect(decisions).toStrictEqual([]);
    expect(logger.lines.slice(linesBefore)).toStrictEqual([]);
  });

  test('a request with DPoP passes, and has no challenge of the other scheme', async () => {
    const app = await start(new LogCollector());
    expect(await call(app, client, { token })).toMatchObject({ status: 200, challenge: null });
    expect(runs).toBe(1);
  });

  test('a request with neither gets both challenges', async () => {
    const app = await start(new LogCollector());
    for (const headers of [{}, { 'x-api-key': 'a-wrong-api-key' }]) {
      const { status, code, challenge } = await call(app, client, { headers });
      expect({ status, code }).toEqual({ status: 401, code: 'credentials_missing' });
      expect(challenge).toMatch(/^ApiKey realm="accounts", DPoP algs="/);
    }
    const bad = await call(app, client, { token, claims: { iat: 1 } });
    expect(bad.challenge).toMatch(/^ApiKey realm="accounts", DPoP error="invalid_dpop_proof"/);
    expect(runs).toBe(0);
  });

  test('a demand for a nonce is a single challenge, because clients read no other (D4)', async () => {
    const app = await start(new LogCollector());
    const demand = await call(app, client, { path: '/nonce', token });
    expect(demand).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(demand.challenge).toMatch(/^DPoP error="use_dpop_nonce"/);
    expect(await call(app, client, { path: '/nonce', token, nonce: demand.nonce ?? '' })).toMatchObject({
      status: 200,
    });
  });
});
