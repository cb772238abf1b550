import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Post,
  type Type,
  UseGuards,
  VersioningType,
} from '@nestjs/common';
import {
  Dpop,
  type DpopDecision,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  DpopVerifier,
  RequireAuthentication,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, type Call } from './support/call.js';
import { HandClock } from './support/hand-clock.js';
import { LogCollector } from './support/log-collector.js';
import { observeDecisions } from './support/observe-decisions.js';
import { ORIGIN } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { closeApps, startApp, type StartOptions } from './support/running-app.js';
import { sharedMemory } from './support/shared-memory.js';

let clock: HandClock;
let issuer: TestIssuer;
let client: TestClient;
let logger: LogCollector;

beforeEach(async () => {
  clock = new HandClock();
  client = await TestClient.create({ clock: clock.read });
  issuer = await TestIssuer.create({ clock: clock.read });
  logger = new LogCollector();
});

afterEach(closeApps);

function moduleOf(changes: Partial<DpopModuleOptions>, controllers: Type[], providers: Type[] = []): Type {
  const dpop = DpopModule.forRoot({
    origin: ORIGIN,
    accessToken: issuer.accessToken,
    clock: clock.read,
    storage: sharedMemory(),
    ...changes,
  });
  @Module({ imports: [dpop], controllers, providers })
  class AppModule {}
  return AppModule;
}

/** Lines of ours: all but those in which Nest tells of its start. */
const told = (): readonly string[] => logger.lines.filter((line) => !line.startsWith('log '));

@UseGuards(DpopGuard)
@Controller('accounts')
class AccountsController {
  @Get(':id')
  get(): string {
    return 'account';
  }

  @Post()
  create(): string {
    return 'created';
  }

  @RequireScopes('accounts:write', 'accounts:close')
  @Get(':id/closure')
  close(): string {
    return 'closed';
  }

  @RequireAuthentication({ acrValues: ['phr'], maxAgeSeconds: 300 })
  @Get(':id/secrets')
  reveal(): string {
    return 'secrets';
  }

  @Dpop({ nonce: 'required' })
  @Get(':id/nonce')
  nonce(): string {
    return 'nonce';
  }
}

const ON_GET = 'on GET /accounts/:id \\(AccountsController\\.get\\)';

describe.each(PLATFORMS)('a refusal is explained by its line and its event, on %s (D9)', (platform) => {
  const start = (changes: Partial<DpopModuleOptions> = {}, how: StartOptions = {}) =>
    startApp(platform, moduleOf(changes, [AccountsController]), { logger, ...how });

  interface Explained {
    readonly call?: Call & { readonly bare?: true };
    /** Default `warn`. */
    readonly level?: string;
    readonly line: string;
    readonly event: Partial<DpopDecision>;
  }

  const nowSeconds = (): number => clock.ms / 1000;

  const refusals: Readonly<Record<string, () => Explained>> = {
    'no credentials': () => ({
      call: { bare: true },
      line: `refused: credentials_missing ${ON_GET}`,
      event: { reason: 'credentials_missing' },
    }),
    'a claim of the wrong type': () => ({
      call: { claims: { iat: 'soon' } },
      line: `refused: invalid_dpop_proof \\(proof_claims: iat\\) ${ON_GET};.*expected: seconds since the epoch`,
      event: { reason: 'proof_claims', detail: 'iat' },
    }),
    'a claim that is missing': () => ({
      call: { claims: { ath: undefined } },
      line: `\\(proof_claims: ath\\) ${ON_GET}`,
      event: { reason: 'proof_claims', detail: 'ath' },
    }),
    'a long jti': () => ({
      call: { claims: { jti: 'j'.repeat(257) } },
      line: `\\(proof_claims: jti\\) ${ON_GET};.*expected: a string of 1 to 256 characters`,
      event: { reason: 'proof_claims', detail: 'jti' },
    }),
    'an old proof': () => ({
      call: { claims: { iat: nowSeconds() - 72 } },
      line: `\\(proof_stale: iat\\) ${ON_GET};.*; 12 s too late; expected: iat at most 60 s ago`,
      event: { reason: 'proof_stale', detail: 'iat', offBySeconds: 12, expected: ['iat at most 60 s ago'] },
    }),
    'a proof that was half a second late': () => ({
      call: { claims: { iat: nowSeconds() - 60.5 } },
      line: `\\(proof_stale: iat\\) ${ON_GET};.*; 1 s too late;`,
      event: { reason: 'proof_stale', offBySeconds: 1 },
    }),
    'a proof of the future': () => ({
      call: { claims: { iat: nowSeconds() + 130 } },
      line: `\\(proof_early: iat\\) ${ON_GET};.*; 100 s too early; expected: iat at most 30 s ahead of the clock`,
      event: { reason: 'proof_early', detail: 'iat', offBySeconds: 100 },
    }),
    'a proof that has run out by its exp': () => ({
      call: { claims: { exp: nowSeconds() - 35 } },
      line: `\\(proof_stale: exp\\) ${ON_GET};.*; 5 s too late; expected: exp at most 30 s ago`,
      event: { reason: 'proof_stale', detail: 'exp', offBySeconds: 5 },
    }),
    'a proof that is not valid yet by its nbf': () => ({
      call: { claims: { nbf: nowSeconds() + 40 } },
      line: `\\(proof_early: nbf\\) ${ON_GET};.*; 10 s too early`,
      event: { reason: 'proof_early', detail: 'nbf', offBySeconds: 10 },
    }),
    'another method': () => ({
      call: { claims: { htm: 'PUT' } },
      line: `\\(proof_htm[^)]*\\) ${ON_GET}`,
      event: { reason: 'proof_htm', method: 'GET' },
    }),
    'another path': () => ({
      call: { claims: { htu: `${ORIGIN}/elsewhere` } },
      line: `\\(proof_htu: path\\) ${ON_GET}; The htu .*; expected: ${ORIGIN} with the path of the request`,
      event: { reason: 'proof_htu', detail: 'path', expected: [ORIGIN] },
    }),
    'another origin': () => ({
      call: { claims: { htu: 'https://elsewhere.example/accounts/4711' } },
      line: `\\(proof_htu: origin\\) ${ON_GET}; The htu .*; expected origin: ${ORIGIN}`,
      event: { reason: 'proof_htu', detail: 'origin', expected: [ORIGIN] },
    }),
    'a missing scope': () => ({
      call: { path: '/accounts/7/closure' },
      line: `\\(scope_insufficient\\) on GET /accounts/:id/closure \\(AccountsController\\.close\\);.*required scopes: accounts:write accounts:close`,
      event: {
        reason: 'scope_insufficient',
        route: '/accounts/:id/closure',
        handler: 'AccountsController.close',
      },
    }),
    'a weak authentication': () => ({
      call: { path: '/accounts/7/secrets' },
      line: `\\(authentication_insufficient\\) on GET /accounts/:id/secrets .*accepted acr: phr; auth_time at most 300 s ago`,
      event: {
        reason: 'authentication_insufficient',
        route: '/accounts/:id/secrets',
        handler: 'AccountsController.reveal',
      },
    }),
    'no nonce': () => ({
      call: { path: '/accounts/7/nonce' },
      level: 'debug',
      line: `\\(nonce_missing\\) on GET /accounts/:id/nonce`,
      event: { reason: 'nonce_missing', route: '/accounts/:id/nonce', handler: 'AccountsController.nonce' },
    }),
    'a long proof': () => ({
      call: { claims: { more: 'm'.repeat(8000) } },
      line: `\\(proof_too_large\\) ${ON_GET};.*expected: at most 8192 bytes`,
      event: { reason: 'proof_too_large' },
    }),
  };

  test.each(Object.entries(refusals))('%s', async (_what, explain) => {
    const app = await start();
    const token = await issuer.issueToken({ client });
    const { call: parts = {}, level = 'warn', line, event } = explain();
    const { bare, path = '/accounts/4711', ...rest } = parts;
    const decisions = await observeDecisions(() =>
      call(app, client, bare ? { path } : { path, token, ...rest }),
    );
    expect(told()).toHaveLength(1);
    expect(told()[0]).toMatch(
      new RegExp(`^${level} ${line.startsWith('refused') ? line : `refused: \\w+ ${line}`}`),
    );
    expect(decisions).toHaveLength(1);
    expect(decisions[0]).toMatchObject({
      outcome: 'refused',
      method: 'GET',
      route: '/accounts/:id',
      handler: 'AccountsController.get',
      ...event,
    });
    expect(logger.text).not.toContain('4711');
  });

  test('the pattern has the prefix and the version of the app', async () => {
    const before = (nest: INestApplication) => {
      nest.setGlobalPrefix('api');
      nest.enableVersioning({ type: VersioningType.URI, defaultVersion: '2' });
    };
    const app = await start({}, { before });
    await call(app, client, { method: 'POST', path: '/api/v2/accounts' });
    expect(logger.text).toContain('on POST /api/v2/accounts (AccountsController.create)');
  });

  test('a flood of refusals is not a flood of lines, and other kinds and routes are told all the same', async () => {
    const app = await start();
    for (let i = 0; i < 120; i += 1) await call(app, client, { path: '/accounts/7' });
    expect(told()).toHaveLength(10);
    await call(app, client, { method: 'POST', path: '/accounts' });
    await call(app, client, { path: '/accounts/7', token: 'a.b.c' });
    expect(told()).toHaveLength(12);
    logger.lines.length = 0;
    clock.advanceSeconds(60);
    await call(app, client, { path: '/accounts/7' });
    expect(told()).toEqual([
      expect.stringContaining('110 more of credentials_missing from 2030-01-01T00:00:00.000Z on'),
      expect.stringContaining('refused: credentials_missing'),
    ]);
  });

  test('the guards of several modules share one budget', async () => {
    @UseGuards(DpopGuard)
    @Controller('other')
    class OtherController {
      @Get()
      get(): string {
        return 'other';
      }
    }
    @Module({ controllers: [OtherController] })
    class OtherModule {}
    const app = await startApp(
      platform,
      { module: moduleOf({}, [AccountsController]), imports: [OtherModule] },
      { logger },
    );
    for (let i = 0; i < 20; i += 1) {
      await call(app, client, { path: '/accounts/7' });
      await call(app, client, { path: '/other' });
      await call(app, client, { path: '/accounts/7/secrets' });
      await call(app, client, { path: '/accounts/7/nonce' });
    }
    expect(told()).toHaveLength(30);
  });

  test('a method that Node does not know is told as other', async () => {
    @Injectable()
    class QueueGuard extends DpopGuard {
      protected override getDpopRequest(): DpopRequest {
        return { method: 'X\nY', target: '/', rawHeaders: [] };
      }
    }
    @UseGuards(QueueGuard)
    @Controller()
    class QueueController {
      @Get()
      read(): string {
        return 'read';
      }
    }
    const app = await startApp(platform, moduleOf({}, [QueueController]), { logger });
    const [decision] = await observeDecisions(() => call(app, client));
    expect(decision).toMatchObject({ outcome: 'refused', method: 'other', handler: 'QueueController.read' });
  });

  test('DpopVerifier by hand tells its caller and the channel, and logs nothing', async () => {
    const app = await start();
    const verifier = app.nest.get(DpopVerifier);
    const [decision] = await observeDecisions(() =>
      verifier.verify({ method: 'GET', target: '/', rawHeaders: [] }).catch(() => undefined),
    );
    expect(decision).toMatchObject({ reason: 'credentials_missing', method: 'GET', route: undefined });
    expect(told()).toStrictEqual([]);
  });
});
