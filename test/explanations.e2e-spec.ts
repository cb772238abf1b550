import { subscribe, unsubscribe } from 'node:diagnostics_channel';
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
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import {
  AccessTokenVerifier,
  type AccessTokenClaims,
  Dpop,
  DPOP_DECISION_CHANNEL,
  DpopBound,
  type DpopDecision,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopRequest,
  DpopVerifier,
  MemoryStorage,
  ReplayStore,
  RequireAuthentication,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import {
  adapterOf,
  call,
  type Call,
  closeApps,
  HandClock,
  LogCollector,
  ORIGIN,
  PLATFORMS,
  proofFor,
  send,
  startApp,
  type StartOptions,
  UNAVAILABLE,
} from './support-surface.js';

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

/** Says nothing at start. */
function sharedMemory(): NonNullable<DpopModuleOptions['storage']> {
  return { replayStore: new MemoryStorage().replayStore, shared: true };
}

/** Lines of ours: all but those in which Nest tells of its start. */
const told = (): readonly string[] => logger.lines.filter((line) => !line.startsWith('log '));

async function observe(act: () => Promise<unknown>): Promise<readonly DpopDecision[]> {
  const decisions: DpopDecision[] = [];
  const listener = (message: unknown): void => void decisions.push(message as DpopDecision);
  subscribe(DPOP_DECISION_CHANNEL, listener);
  try {
    await act();
  } finally {
    unsubscribe(DPOP_DECISION_CHANNEL, listener);
  }
  return decisions;
}

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

describe.each(PLATFORMS)('D9 a refusal is explained by its line and its event, on %s', (platform) => {
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
      line: `refused: credentials_missing \\(credentials_missing\\) ${ON_GET}`,
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
    'another URI': () => ({
      call: { claims: { htu: `${ORIGIN}/elsewhere` } },
      line: `\\(proof_htu[^)]*\\) ${ON_GET}; The htu`,
      event: { reason: 'proof_htu' },
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
    const decisions = await observe(() => call(app, client, bare ? { path } : { path, token, ...rest }));
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
      expect.stringContaining('refused: credentials_missing (credentials_missing)'),
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
    const [decision] = await observe(() => call(app, client));
    expect(decision).toMatchObject({ outcome: 'refused', method: 'other', handler: 'QueueController.read' });
  });

  test('DpopVerifier by hand tells its caller and the channel, and logs nothing', async () => {
    const app = await start();
    const verifier = app.nest.get(DpopVerifier);
    const [decision] = await observe(() =>
      verifier.verify({ method: 'GET', target: '/', rawHeaders: [] }).catch(() => undefined),
    );
    expect(decision).toMatchObject({ reason: 'credentials_missing', method: 'GET', route: undefined });
    expect(told()).toEqual([]);
  });
});

class FailingStore extends ReplayStore {
  override claim(): never {
    throw Object.assign(new Error('quoted'), { code: 'ECONNREFUSED', name: 'quoted' });
  }

  override epochOf(): string {
    return 'm';
  }
}

@Injectable()
class FailingVerifier extends AccessTokenVerifier {
  override verify(): Promise<AccessTokenClaims> {
    return Promise.reject(new RangeError('quoted'));
  }
}

@Injectable()
class ForgetfulGuard extends DpopGuard {
  override getRequest(): never {
    throw new Error('quoted');
  }
}

@Injectable()
class FailingUserGuard extends DpopGuard {
  override handleRequest(): never {
    throw new Error('quoted');
  }
}

@UseGuards(AuthGuard('dpop'))
@Controller()
class PassportController {
  @Get()
  read(): string {
    return 'read';
  }
}

@Controller()
class UnguardedController {
  @Get()
  read(@DpopBound() jkt: string): string {
    return jkt;
  }
}

function guardedBy(guard: Type<DpopGuard>): Type {
  @UseGuards(guard)
  @Controller()
  class GuardedController {
    @Get()
    read(): string {
      return 'read';
    }
  }
  return GuardedController;
}

describe.each(PLATFORMS)('D9 every 503 is logged, wherever it is thrown, on %s', (platform) => {
  const failures: Readonly<Record<string, () => readonly [Type, RegExp]>> = {
    'a store that fails': () => [
      moduleOf({ storage: { replayStore: new FailingStore(), shared: true } }, [guardedBy(DpopGuard)]),
      /^error answered 503: replay_store_unavailable; Error ECONNREFUSED at \S+explanations\.e2e-spec\.ts:\d+:\d+; on GET \/ \(GuardedController\.read\)/,
    ],
    'a verifier of the app that fails': () => [
      moduleOf({ accessToken: new FailingVerifier() }, [guardedBy(DpopGuard)]),
      /^error answered 503: internal_failure; RangeError at \S+; on GET \/ \(GuardedController\.read\)/,
    ],
    'an issuer that is away': () => [
      moduleOf({ accessToken: { issuer: issuer.issuer, audience: 'x', jwksUri: closedPort } }, [
        guardedBy(DpopGuard),
      ]),
      /^error answered 503: issuer_unavailable; .*; on GET \/ \(GuardedController\.read\)/,
    ],
    'a function for the origin that fails': () => [
      moduleOf(
        {
          origin: () => {
            throw new Error('quoted');
          },
        },
        [guardedBy(DpopGuard)],
      ),
      /^error answered 503: origin_unavailable; Error at /,
    ],
    'an override of getRequest': () => [
      moduleOf({}, [guardedBy(ForgetfulGuard)]),
      /^error answered 503: internal_failure; Error at /,
    ],
    'an override of handleRequest': () => [
      moduleOf({}, [guardedBy(FailingUserGuard)]),
      /^error answered 503: internal_failure; Error at /,
    ],
    "AuthGuard('dpop') in the place of DpopGuard": () => [
      moduleOf({}, [PassportController]),
      /^error answered 503: verdict_missing; the strategy "dpop" works through DpopGuard only/,
    ],
    '@DpopBound() where no guard ran': () => [
      moduleOf({ unguardedRoutes: 'warn' }, [UnguardedController]),
      /^error answered 503: verdict_missing; @DpopBound\(\) found no verdict.*@UseGuards\(DpopGuard\).*; on GET \/ \(UnguardedController\.read\)/,
    ],
  };
  const closedPort = 'http://127.0.0.1:1/jwks';

  test.each(Object.entries(failures))('%s', async (_what, make) => {
    const [module, line] = make();
    const app = await startApp(platform, module, { logger });
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject(UNAVAILABLE);
    const errors = logger.lines.filter((text) => text.startsWith('error'));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(line);
    expect(errors[0]).not.toContain('quoted');
    expect(logger.text).not.toContain(token);
  });

  test('a flood of them is not a flood of lines', async () => {
    const storage = { replayStore: new FailingStore(), shared: true };
    const app = await startApp(platform, moduleOf({ storage }, [guardedBy(DpopGuard)]), { logger });
    const token = await issuer.issueToken({ client });
    for (let i = 0; i < 40; i += 1) await call(app, client, { token });
    expect(told()).toHaveLength(10);
    clock.advanceSeconds(60);
    await call(app, client, { token });
    expect(logger.text).toContain('30 more of replay_store_unavailable from 2030-01-01T00:00:00.000Z on');
  });

  test('a request that passes in spite of one is told, too', async () => {
    const storage = { replayStore: new FailingStore(), shared: true };
    const changes = { storage, onReplayStoreFailure: 'accept-and-report' } as const;
    const app = await startApp(platform, moduleOf(changes, [guardedBy(DpopGuard)]), { logger });
    expect(await call(app, client, { token: await issuer.issueToken({ client }) })).toMatchObject({
      status: 200,
    });
    expect(told()).toEqual([
      expect.stringMatching(
        /^error accepted without a replay check: replay_store_unavailable; Error ECONNREFUSED at .*on GET \//,
      ),
    ]);
  });

  test('also those that no examination has decided are published', async () => {
    const app = await startApp(platform, moduleOf({}, [guardedBy(ForgetfulGuard)]), { logger });
    const decisions = await observe(() => call(app, client));
    expect(decisions).toMatchObject([
      {
        outcome: 'unavailable',
        reason: 'internal_failure',
        handler: 'GuardedController.read',
        method: 'GET',
      },
    ]);
  });

  test('D8 @DpopBound() without a verdict tells when to come back', async () => {
    const app = await startApp(platform, moduleOf({ unguardedRoutes: 'warn' }, [UnguardedController]), {
      logger,
    });
    const { headers } = await call(app, client);
    expect(headers.get('retry-after')).toBe('1');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('@DpopBound() under overrideGuard names the handler and the way out', async () => {
    const testing = await Test.createTestingModule({ imports: [moduleOf({}, [BoundController])] })
      .overrideGuard(DpopGuard)
      .useValue({ canActivate: () => true })
      .compile();
    const nest = testing.createNestApplication(adapterOf(platform) as never, { logger });
    await nest.listen(0, '127.0.0.1');
    try {
      expect(await send(await nest.getUrl())).toMatchObject({ status: 503, code: 'temporarily_unavailable' });
      expect(logger.text).toMatch(/verdict_missing.*TestClient.*on GET \/ \(BoundController\.read\)/);
    } finally {
      await nest.close();
    }
  });
});

@UseGuards(DpopGuard)
@Controller()
class BoundController {
  @Get()
  read(@DpopBound() jkt: string): string {
    return jkt;
  }
}

describe.each(PLATFORMS)('D9 logReceivedValues on %s', (platform) => {
  const start = (changes: Partial<DpopModuleOptions> = { logReceivedValues: true }) =>
    startApp(platform, moduleOf(changes, [AccountsController]), { logger });

  test('is off by default, and loud at start when it is on', async () => {
    await start({});
    expect(logger.text).not.toContain('logReceivedValues');
    await start();
    expect(logger.text).toMatch(/^warn .*logReceivedValues is on/m);
  });

  test.each(['yes', 1, null])('is true or false, not %j', async (value) => {
    await expect(start({ logReceivedValues: value as never })).rejects.toThrow(
      /^logReceivedValues must be true or false/,
    );
  });

  test('shows what the client signed, and what it asked for', async () => {
    const app = await start();
    const token = await issuer.issueToken({ client });
    const answer = await call(app, client, {
      path: '/accounts/7?secret=s3cret',
      token,
      claims: { htu: `https://wrong.example/accounts/7?access_token=${token}`, htm: 'PUT' },
    });
    expect(logger.text).toContain('received: request method "GET", target "/accounts/7?(not shown)"');
    expect(logger.text).toContain('htu "https://wrong.example/accounts/7?(not shown)"');
    expect(logger.text).toContain('htm "PUT"');
    expect(logger.text).toContain(`iss "${issuer.issuer}"`);
    expect(logger.text).toMatch(/typ "dpop\+jwt", alg "ES256"/);
    expect(logger.text).toMatch(/kid "[^"]+"/);
    expect(logger.text).not.toContain('s3cret');
    expect(JSON.stringify(answer.body) + answer.challenge).not.toContain('wrong.example');
  });

  test('escapes and cuts it', async () => {
    const app = await start();
    const token = await issuer.issueToken({
      client,
      claims: { aud: `\u001b[31m\u2028\n"${'a'.repeat(500)}` },
    });
    await call(app, client, {
      path: '/accounts/7',
      token,
      claims: { htu: `\r\nwarn forged\u202e${'h'.repeat(4000)}` },
    });
    const line = logger.lines.find((text) => text.includes('refused:')) ?? '';
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(line).toContain(String.raw`htu "\r\nwarn forged\u202ehhhh`);
    expect(line).toContain(String.raw`aud "\u001b[31m\u2028\n\"aaa`);
    expect(line.length).toBeLessThan(1500);
  });

  test('never shows a token, proof, nonce, jti or ath, wherever the client has put it', async () => {
    const app = await start();
    const token = await issuer.issueToken({ client, claims: { jti: 'jti-of-the-token' } });
    const secrets = ['jti-of-the-proof', 'nonce-of-the-proof', 'jti-of-the-token', ...token.split('.')];
    const claims = { jti: 'jti-of-the-proof', nonce: 'nonce-of-the-proof' };
    for (const [name, secret] of secrets.flatMap((text) => [
      ['htu', text] as const,
      ['htm', text] as const,
    ])) {
      const proof = await proofFor(client, {
        path: '/accounts/7',
        token,
        claims: { ...claims, [name]: `x ${secret}` },
      });
      await call(app, client, { path: '/accounts/7', token, proof });
      expect(logger.text).not.toContain(proof.split('.')[1]);
      expect(logger.text).not.toContain(proof.split('.')[2]);
    }
    for (const secret of secrets) expect(logger.text).not.toContain(secret);
    expect(logger.text).toContain('(not shown)');
  });

  test.each([
    ['nothing', {}],
    ['garbage', { authorization: 'DPoP x', dpop: '..' }],
    ['octets that are no UTF-8', { authorization: 'DPoP _w._w._w', dpop: '_w._w._w' }],
    ['JSON that is no object', { authorization: 'DPoP bnVsbA.W10.MQ', dpop: 'bnVsbA.W10.MQ' }],
    ['an array for an audience', { authorization: 'DPoP e30.eyJhdWQiOlsxLHsiYSI6MX1dfQ.e30' }],
  ])('takes %s as it comes', async (_what, headers) => {
    const app = await start();
    const answer = await call(app, client, { path: '/accounts/7', headers });
    expect([400, 401]).toContain(answer.status);
    expect(logger.text).toContain('received: request method "GET"');
  });
});
