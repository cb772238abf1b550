import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type BeforeApplicationShutdown,
  Controller,
  type DynamicModule,
  ForbiddenException,
  Get,
  HttpException,
  Inject,
  Injectable,
  InternalServerErrorException,
  Module,
  type PipeTransform,
  Post,
  type Provider,
  Req,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import {
  type AccessTokenClaims,
  AccessTokenVerifier,
  Dpop,
  DPOP_DECISION_CHANNEL,
  DpopBound,
  type DpopDecision,
  DpopError,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopOptionsFactory,
  type DpopStorage,
  DpopStrategy,
  DpopUnavailableError,
  type DpopVerdict,
  DpopVerifier,
  MemoryReplayStore,
  NonceService,
  type ReplayOutcome,
  ReplayStore,
  RequireAuthentication,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import {
  call,
  closeApps,
  HandClock,
  LogCollector,
  PLATFORMS,
  proofFor,
  send,
  startApp,
  UNAVAILABLE,
  withOrigin,
} from './support-surface.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;
let hits = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

@Controller()
@UseGuards(DpopGuard)
class GuardedController {
  @Get()
  read(@DpopBound() jkt: string): { jkt: string } {
    hits += 1;
    return { jkt };
  }
}

@Module({})
class RootModule {}

interface RootParts {
  readonly dpop: DynamicModule;
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
  readonly imports?: readonly (Type | DynamicModule)[];
}

function root({
  dpop,
  controllers = [GuardedController],
  providers = [],
  imports = [],
}: RootParts): DynamicModule {
  return {
    module: RootModule,
    imports: [dpop, ...imports],
    controllers: [...controllers],
    providers: [...providers],
  };
}

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

const OPTIONS = Symbol('OPTIONS');

@Injectable()
class SettingsFactory implements DpopOptionsFactory {
  constructor(@Inject(OPTIONS) private readonly settings: DpopModuleOptions) {}

  createDpopOptions(): DpopModuleOptions {
    return this.settings;
  }
}

/** A factory without dependencies, for `useClass`. */
@Injectable()
class LoneFactory implements DpopOptionsFactory {
  async createDpopOptions(): Promise<DpopModuleOptions> {
    await Promise.resolve();
    return options();
  }
}

@Module({})
class SettingsModule {
  static of(settings: DpopModuleOptions): DynamicModule {
    return {
      module: SettingsModule,
      providers: [{ provide: OPTIONS, useValue: settings }, SettingsFactory],
      exports: [OPTIONS, SettingsFactory],
    };
  }
}

const SHAPES: readonly (readonly [string, () => DynamicModule])[] = [
  ['forRoot', () => DpopModule.forRoot(options())],
  ['forRootAsync, useFactory', () => DpopModule.forRootAsync({ useFactory: () => options() })],
  [
    'forRootAsync, an async useFactory with imports and inject',
    () =>
      DpopModule.forRootAsync({
        imports: [SettingsModule.of(options())],
        inject: [OPTIONS],
        useFactory: async (settings: DpopModuleOptions) => await Promise.resolve(settings),
      }),
  ],
  ['forRootAsync, useClass', () => DpopModule.forRootAsync({ useClass: LoneFactory })],
  [
    'forRootAsync, useExisting',
    () => DpopModule.forRootAsync({ imports: [SettingsModule.of(options())], useExisting: SettingsFactory }),
  ],
];

describe.each(PLATFORMS)('DpopModule on %s', (platform) => {
  test.each(SHAPES)('%s: a bound token with a proof passes, nothing else does', async (_shape, dpop) => {
    const app = await startApp(platform, root({ dpop: dpop() }));
    expect(await call(app, client, { token })).toMatchObject({ status: 200, body: { jkt: client.jkt } });
    expect(await call(app, client)).toMatchObject({ status: 401, code: 'credentials_missing' });
  });

  test('forRootAsync takes isGlobal beside the factory', async () => {
    const dpop = DpopModule.forRootAsync({ isGlobal: false, useFactory: () => options() });
    expect(dpop.global).toBe(false);
    expect(DpopModule.forRootAsync({ useFactory: () => options() }).global).toBe(true);
  });

  test('isGlobal: false leaves modules that do not import it without a guard, and the app without a start', async () => {
    @Module({ controllers: [GuardedController] })
    class StrangerModule {}

    const hidden = root({
      dpop: DpopModule.forRoot(options({ isGlobal: false })),
      controllers: [],
      imports: [StrangerModule],
    });
    await expect(startApp(platform, hidden)).rejects.toThrow(/DpopVerifier/);

    const seen = root({ dpop: DpopModule.forRoot(options({ isGlobal: false })) });
    const app = await startApp(platform, seen);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });

    const global = root({ dpop: DpopModule.forRoot(options()), controllers: [], imports: [StrangerModule] });
    const other = await startApp(platform, global);
    expect(await call(other, client, { token })).toMatchObject({ status: 200 });
  });

  test('B6 C9o two apps in one process never see the configuration of each other', async () => {
    const otherOrigin = 'https://other.example.com';
    const otherIssuer = await TestIssuer.create({ issuer: 'https://other.issuer.test' });
    const otherToken = await otherIssuer.issueToken({ client });
    const first = await startApp(platform, root({ dpop: DpopModule.forRoot(options()) }));
    const second = await startApp(
      platform,
      root({
        dpop: DpopModule.forRoot({
          origin: otherOrigin,
          accessToken: otherIssuer.accessToken,
          nonce: 'required',
          realm: 'other',
        }),
      }),
    );

    const { nonce } = await call(second, client, { token: otherToken, origin: otherOrigin });
    const good = { status: 200, body: { jkt: client.jkt } };
    const rounds = Array.from({ length: 5 }, async () => {
      const answers = await Promise.all([
        call(first, client, { token }),
        call(second, client, { token: otherToken, origin: otherOrigin, ...(nonce !== null && { nonce }) }),
        call(first, client, { token: otherToken }),
        call(second, client, { token, origin: otherOrigin }),
        call(first, client, { token, origin: otherOrigin }),
        call(second, client, { token: otherToken }),
        call(second, client, { token: otherToken, origin: otherOrigin }),
      ]);
      expect(answers).toMatchObject([
        good,
        good,
        { status: 401, code: 'invalid_token' },
        { status: 401, code: 'invalid_token' },
        { status: 401, code: 'invalid_dpop_proof' },
        { status: 401, code: 'invalid_dpop_proof' },
        { status: 401, code: 'use_dpop_nonce' },
      ]);
      expect(answers[2].challenge).not.toContain('realm');
      expect(answers[3].challenge).toContain('realm="other"');
    });
    await Promise.all(rounds);
  });

  test('C9o what one app remembers of a proof is not what the other remembers', async () => {
    const [first, second] = [
      await startApp(platform, root({ dpop: DpopModule.forRoot(options()) })),
      await startApp(platform, root({ dpop: DpopModule.forRoot(options()) })),
    ];
    const proof = await proofFor(client, { token });
    expect(await call(first, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(second, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(first, client, { token, proof })).toMatchObject({ status: 401 });
    expect(await call(second, client, { token, proof })).toMatchObject({ status: 401 });
  });
});

@Controller()
@UseGuards(DpopGuard)
class ThriceController {
  @Get()
  @UseGuards(DpopGuard)
  read(@DpopBound('scheme') scheme: string): { scheme: string } {
    hits += 1;
    return { scheme };
  }
}

describe.each(PLATFORMS)('F1 a guard bound several times on %s', (platform) => {
  const binders: readonly (readonly [string, 'provider' | 'app' | 'both'])[] = [
    ['APP_GUARD', 'provider'],
    ['useGlobalGuards', 'app'],
    ['both', 'both'],
  ];

  test.each(binders)(
    'by %s, class and method: passes once, and its replay is refused',
    async (_name, where) => {
      const providers = where === 'app' ? [] : [{ provide: APP_GUARD, useExisting: DpopGuard }];
      const module = root({
        dpop: DpopModule.forRoot(options()),
        controllers: [ThriceController],
        providers,
      });
      const app = await startApp(platform, module, {
        before: (nest) => {
          if (where !== 'provider') nest.useGlobalGuards(nest.get(DpopGuard));
        },
      });
      const proof = await proofFor(client, { token });
      hits = 0;
      expect(await call(app, client, { token, proof })).toMatchObject({
        status: 200,
        body: { scheme: 'DPoP' },
      });
      expect(await call(app, client, { token, proof })).toMatchObject({
        status: 401,
        code: 'invalid_dpop_proof',
      });
      expect(hits).toBe(1);
    },
  );

  test('by APP_GUARD as a class of its own: each instance finds the same examination', async () => {
    const providers = [{ provide: APP_GUARD, useClass: DpopGuard }];
    const module = root({ dpop: DpopModule.forRoot(options()), controllers: [ThriceController], providers });
    const app = await startApp(platform, module);
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
  });
});

@Controller()
class PolicyController {
  @Get('guarded')
  guarded(): string {
    return 'guarded';
  }

  @SkipDpop()
  @Get('skipped')
  skipped(@DpopBound() jkt: string): string {
    return jkt;
  }

  @SkipDpop()
  @Get('open')
  open(): string {
    return 'open';
  }

  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(): string {
    return 'nonce';
  }
}

@SkipDpop()
@Controller('public')
class PublicController {
  @Get('open')
  open(): string {
    return 'open';
  }

  @Dpop()
  @Get('closed')
  closed(): string {
    return 'closed';
  }

  @RequireScopes('read')
  @Get('scoped')
  scoped(): string {
    return 'scoped';
  }
}

@Dpop({ nonce: 'required', bearer: 'allow-unbound' })
@RequireScopes('read', 'write')
@Controller('strict')
class StrictController {
  @Get('inherited')
  inherited(): string {
    return 'inherited';
  }

  @Dpop({ nonce: 'off' })
  @Get('without-nonce')
  withoutNonce(): string {
    return 'without-nonce';
  }

  @Dpop({ nonce: 'off', bearer: 'reject' })
  @RequireScopes('read')
  @Get('own')
  own(): string {
    return 'own';
  }
}

@RequireAuthentication({ acrValues: ['phr', 'phrh'], maxAgeSeconds: 300 })
@Controller('step-up')
class StepUpController {
  @Get()
  both(): string {
    return 'both';
  }

  @RequireAuthentication({ maxAgeSeconds: 0 })
  @Get('now')
  now(): string {
    return 'now';
  }
}

describe.each(PLATFORMS)('policies of routes on %s', (platform) => {
  const clock = new HandClock();
  let timed: { readonly issuer: TestIssuer; readonly client: TestClient };

  beforeAll(async () => {
    timed = {
      issuer: await TestIssuer.create({ clock: clock.read }),
      client: await TestClient.create({ clock: clock.read }),
    };
  });

  async function start(overrides: Partial<DpopModuleOptions> = {}) {
    const dpop = DpopModule.forRoot(
      withOrigin({ accessToken: timed.issuer.accessToken, clock: clock.read, ...overrides }),
    );
    const controllers = [PolicyController, PublicController, StrictController, StepUpController];
    const providers = [{ provide: APP_GUARD, useExisting: DpopGuard }];
    return await startApp(platform, root({ dpop, controllers, providers }));
  }

  test('@SkipDpop opens a route or a class; what a handler asks for takes it back', async () => {
    const app = await start();
    const bare = async (path: string) => (await call(app, timed.client, { path })).status;
    expect(await bare('/open')).toBe(200);
    expect(await bare('/public/open')).toBe(200);
    expect(await bare('/guarded')).toBe(401);
    expect(await bare('/public/closed')).toBe(401);
    expect(await bare('/public/scoped')).toBe(401);
    const reader = await timed.issuer.issueToken({ client: timed.client, scopes: ['read'] });
    for (const path of ['/guarded', '/public/closed', '/public/scoped']) {
      expect(await call(app, timed.client, { path, token: reader })).toMatchObject({ status: 200 });
    }
  });

  test('a skipped route reads no credentials, however broken they are', async () => {
    const app = await start();
    const headers = { authorization: 'DPoP x y z', dpop: 'nonsense' };
    expect(await send(`${app.url}/open`, { headers })).toMatchObject({ status: 200 });
  });

  test('@DpopBound on a route that is open is 503, not undefined', async () => {
    const app = await start();
    expect(await call(app, timed.client, { path: '/skipped' })).toMatchObject(UNAVAILABLE);
  });

  test('E1 D2 @Dpop and @RequireScopes of the handler win over those of the class', async () => {
    const app = await start();
    const writer = await timed.issuer.issueToken({ client: timed.client, scopes: ['write', 'read'] });
    const reader = await timed.issuer.issueToken({ client: timed.client, scopes: ['read', 'readwrite'] });

    const demanded = await call(app, timed.client, { path: '/strict/inherited', token: writer });
    expect(demanded).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    const nonce = demanded.nonce ?? '';
    expect(await call(app, timed.client, { path: '/strict/inherited', token: writer, nonce })).toMatchObject({
      status: 200,
    });

    const missing = await call(app, timed.client, { path: '/strict/inherited', token: reader, nonce });
    expect(missing).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(missing.challenge).toMatch(/DPoP error="insufficient_scope".*scope="read write"/);

    const withoutNonce = await call(app, timed.client, { path: '/strict/without-nonce', token: reader });
    expect(withoutNonce).toMatchObject({ status: 403, code: 'insufficient_scope' });
    expect(await call(app, timed.client, { path: '/strict/without-nonce', token: writer })).toMatchObject({
      status: 200,
    });
    expect(await call(app, timed.client, { path: '/strict/own', token: reader })).toMatchObject({
      status: 200,
    });
  });

  test('B5 bearer of the handler wins over that of the class', async () => {
    const app = await start();
    const unbound = await timed.issuer.issueToken({ scopes: ['read', 'write'] });
    const headers = { authorization: `Bearer ${unbound}` };
    expect(await send(`${app.url}/strict/inherited`, { headers })).toMatchObject({ status: 200 });
    const refused = await send(`${app.url}/strict/own`, { headers });
    expect(refused).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(refused.challenge).toMatch(/^DPoP error="invalid_token"/);
    const bare = await send(`${app.url}/strict/inherited`);
    expect(bare.challenge).toMatch(/^Bearer, DPoP algs="[^"]+"$/);
  });

  test('F4 a request refused for its scopes has not spent its proof', async () => {
    const app = await start();
    const weak = await timed.issuer.issueToken({ client: timed.client });
    const proof = await proofFor(timed.client, { path: '/strict/own', token: weak });
    const refusal = { path: '/strict/own', token: weak, proof };
    expect(await call(app, timed.client, refusal)).toMatchObject({ status: 403 });
    expect(await call(app, timed.client, refusal)).toMatchObject({ status: 403 });
  });

  const nowSeconds = () => clock.ms / 1000;
  const authentications: readonly (readonly [string, () => Record<string, unknown>, number])[] = [
    ['strong and recent', () => ({ acr: 'phrh', auth_time: nowSeconds() - 10 }), 200],
    ['exactly as old as allowed', () => ({ acr: 'phr', auth_time: nowSeconds() - 300 }), 200],
    ['a second too old', () => ({ acr: 'phr', auth_time: nowSeconds() - 301 }), 401],
    ['too weak', () => ({ acr: 'pwd', auth_time: nowSeconds() }), 401],
    ['of no told strength', () => ({ auth_time: nowSeconds() }), 401],
    ['of no told time', () => ({ acr: 'phr' }), 401],
    ['told in wrong types', () => ({ acr: ['phr'], auth_time: String(nowSeconds()) }), 401],
  ];

  test.each(authentications)('D2 @RequireAuthentication: %s', async (_name, claims, status) => {
    const app = await start();
    const issued = await timed.issuer.issueToken({ client: timed.client, claims: claims() });
    const answer = await call(app, timed.client, { path: '/step-up', token: issued });
    expect(answer.status).toBe(status);
    if (status === 200) return;
    expect(answer.code).toBe('insufficient_user_authentication');
    expect(answer.challenge).toMatch(/^DPoP error="insufficient_user_authentication", /);
    expect(answer.challenge).toContain('acr_values="phr phrh", max_age="300"');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  test('D2 @RequireAuthentication of the handler replaces that of the class, zero counts', async () => {
    const app = await start();
    const claims = { auth_time: nowSeconds() - 1 };
    const issued = await timed.issuer.issueToken({ client: timed.client, claims });
    const answer = await call(app, timed.client, { path: '/step-up/now', token: issued });
    expect(answer.challenge).toContain('max_age="0"');
    expect(answer.challenge).not.toContain('acr_values');
    const fresh = await timed.issuer.issueToken({
      client: timed.client,
      claims: { auth_time: nowSeconds() },
    });
    expect(await call(app, timed.client, { path: '/step-up/now', token: fresh })).toMatchObject({
      status: 200,
    });
  });
});

class ShortenPipe implements PipeTransform<string, string> {
  transform(value: string): string {
    return value.slice(0, 3);
  }
}

@Injectable()
class CountPipe implements PipeTransform<readonly string[], number> {
  transform(value: readonly string[]): number {
    return value.length;
  }
}

@Controller()
class BoundController {
  @UseGuards(DpopGuard)
  @Get('all')
  all(
    @DpopBound() jkt: string,
    @DpopBound('jkt') sameJkt: string,
    @DpopBound('scheme') scheme: string,
    @DpopBound('claims') claims: AccessTokenClaims,
    @DpopBound('issuer') issuerOfToken: string,
    @DpopBound('subject') subject: string,
    @DpopBound('clientId') clientId: string,
    @DpopBound('scopes') scopes: readonly string[],
    @DpopBound('token') presented: string,
    @DpopBound('hasNonce') hasNonce: boolean,
    @DpopBound('nextNonce') nextNonce: string | undefined,
  ): object {
    return {
      jkt,
      sameJkt,
      scheme,
      cnf: claims.cnf,
      issuerOfToken,
      subject,
      clientId,
      scopes,
      presented,
      hasNonce,
      nextNonce: nextNonce ?? 'none',
    };
  }

  @UseGuards(DpopGuard)
  @Get('piped')
  piped(
    @DpopBound('jkt', new ShortenPipe()) short: string,
    @DpopBound('scopes', CountPipe) count: number,
  ): object {
    return { short, count };
  }

  @UseGuards(DpopGuard)
  @Get('frozen')
  frozen(
    @DpopBound('claims') claims: AccessTokenClaims,
    @DpopBound('scopes') scopes: readonly string[],
  ): boolean[] {
    return [Object.isFrozen(claims), Object.isFrozen(claims.cnf), Object.isFrozen(scopes)];
  }

  @Get('unguarded')
  unguarded(@DpopBound() jkt: string): string {
    hits += 1;
    return jkt;
  }
}

describe.each(PLATFORMS)('@DpopBound on %s', (platform) => {
  const start = () =>
    startApp(
      platform,
      root({
        dpop: DpopModule.forRoot(options({ unguardedRoutes: 'warn' })),
        controllers: [BoundController],
      }),
    );

  test('B3 hands over the thumbprint, and with a key each part of the verdict', async () => {
    const app = await start();
    const { body } = await call(app, client, { path: '/all', token });
    expect(body).toEqual({
      jkt: client.jkt,
      sameJkt: client.jkt,
      scheme: 'DPoP',
      cnf: { jkt: client.jkt },
      issuerOfToken: issuer.issuer,
      subject: 'user',
      clientId: 'client',
      scopes: ['read'],
      presented: token,
      hasNonce: false,
      nextNonce: 'none',
    });
  });

  test('takes pipes, as instances and as classes', async () => {
    const app = await start();
    const { body } = await call(app, client, { path: '/piped', token });
    expect(body).toEqual({ short: client.jkt.slice(0, 3), count: 1 });
  });

  test('hands over nothing that a handler could change for the next request', async () => {
    const app = await start();
    expect(await call(app, client, { path: '/frozen', token })).toMatchObject({ body: [true, true, true] });
  });

  test('D8 a route without the guard is 503, with credentials or without, and does not run', async () => {
    const app = await start();
    hits = 0;
    expect(await call(app, client, { path: '/unguarded', token })).toMatchObject(UNAVAILABLE);
    expect(await call(app, client, { path: '/unguarded' })).toMatchObject(UNAVAILABLE);
    expect(hits).toBe(0);
  });
});

describe('DpopVerifier used directly', () => {
  async function verifierOf(overrides: Partial<DpopModuleOptions> = {}): Promise<DpopVerifier> {
    const { nest } = await startApp('express', root({ dpop: DpopModule.forRoot(options(overrides)) }));
    return nest.get(DpopVerifier);
  }

  const request = (proof: string, target = '/a?b=c') => ({
    method: 'POST',
    target,
    rawHeaders: ['Authorization', `DPoP ${token}`, 'DPoP', proof],
  });

  test('a request that is asked about for as long as a socket lives ends with its token', async () => {
    let nowMs = Date.now();
    const verifier = await verifierOf({ clock: () => nowMs });
    const examination = verifier.examine(
      request(await proofFor(client, { method: 'POST', path: '/a', token })),
    );
    const policy = { nonce: 'off', bearer: 'reject' } as const;
    const verdict = await examination.authorize(policy);
    nowMs += 120_000;
    expect(await examination.authorize(policy)).toBe(verdict);
    nowMs = (verdict.claims.exp ?? 0) * 1000;
    await expect(examination.authorize(policy)).rejects.toMatchObject({ reason: 'token_expired' });
  });

  test('gives a frozen verdict for plain data, and spends the proof', async () => {
    const verifier = await verifierOf();
    const proof = await proofFor(client, { method: 'POST', path: '/a', token });
    const verdict: DpopVerdict = await verifier.verify(request(proof));
    expect(verdict).toMatchObject({
      scheme: 'DPoP',
      jkt: client.jkt,
      issuer: issuer.issuer,
      scopes: ['read'],
    });
    expect(Object.isFrozen(verdict)).toBe(true);
    await expect(verifier.verify(request(proof))).rejects.toMatchObject({
      name: 'DpopError',
      code: 'invalid_dpop_proof',
      reason: 'proof_replayed',
      status: 401,
    });
  });

  test('throws DpopError for what is refused, and takes a policy', async () => {
    const verifier = await verifierOf();
    const proof = await proofFor(client, { method: 'POST', path: '/a', token });
    await expect(verifier.verify({ method: 'GET', target: '/', rawHeaders: [] })).rejects.toBeInstanceOf(
      DpopError,
    );
    await expect(verifier.verify(request(proof, '/b'))).rejects.toMatchObject({ reason: 'proof_htu' });
    await expect(verifier.verify(request(proof), { nonce: 'required' })).rejects.toMatchObject({
      reason: 'nonce_missing',
      details: { nonce: expect.any(String) },
    });
    await expect(verifier.verify(request(proof), { scopes: ['write'] })).rejects.toMatchObject({
      reason: 'scope_insufficient',
    });
    expect(await verifier.verify(request(proof), { scopes: ['read'] })).toMatchObject({ jkt: client.jkt });
  });

  test('D8 throws DpopUnavailableError when no verdict can be reached', async () => {
    const verifier = await verifierOf({
      origin: () => {
        throw new Error('no origin today');
      },
    });
    const proof = await proofFor(client, { method: 'POST', path: '/a', token });
    await expect(verifier.verify(request(proof))).rejects.toBeInstanceOf(DpopUnavailableError);
  });
});

@Controller()
class NonceController {
  constructor(@Inject(NonceService) private readonly nonces: NonceService) {}

  @Post('nonce')
  hand(): { c_nonce: string } {
    return { c_nonce: this.nonces.issue() };
  }

  @UseGuards(DpopGuard)
  @Get('guarded')
  guarded(@DpopBound('hasNonce') hasNonce: boolean): boolean {
    return hasNonce;
  }
}

describe.each(PLATFORMS)('E7 NonceService injected on %s', (platform) => {
  test('an app hands out a nonce on a route of its own, and the guard accepts it', async () => {
    const dpop = DpopModule.forRoot(options({ nonce: 'required' }));
    const app = await startApp(platform, root({ dpop, controllers: [NonceController] }));
    const { body } = await call(app, client, { method: 'POST', path: '/nonce' });
    const nonce = (body as { c_nonce: string }).c_nonce;
    expect(await call(app, client, { path: '/guarded', token, nonce })).toMatchObject({
      status: 200,
      body: true,
    });
    const tampered = nonce.slice(0, -1) + (nonce.endsWith('A') ? 'B' : 'A');
    expect(await call(app, client, { path: '/guarded', token, nonce: tampered })).toMatchObject({
      status: 401,
      code: 'use_dpop_nonce',
    });
  });
});

/** Tokens without a form, looked up in a table. */
class OpaqueTokens extends AccessTokenVerifier {
  constructor(private readonly answer: (token: string, ath: string) => unknown) {
    super();
  }

  override verify(presented: string, ath: string): Promise<AccessTokenClaims> {
    return this.answer(presented, ath) as Promise<AccessTokenClaims>;
  }
}

describe.each(PLATFORMS)('AccessTokenVerifier of the app on %s', (platform) => {
  const start = (answer: (token: string, ath: string) => unknown, extra: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      root({ dpop: DpopModule.forRoot(options({ accessToken: new OpaqueTokens(answer), ...extra })) }),
    );
  const opaque = 'opaque-token_~+/.==';

  test('B2 B3 verifies tokens of any form; the binding is checked all the same', async () => {
    const seen: string[][] = [];
    const claims: Record<string, AccessTokenClaims> = {
      [opaque]: { sub: 'user', cnf: { jkt: client.jkt } },
      unbound: { sub: 'user' },
      foreign: { cnf: { jkt: 'A'.repeat(43) } },
    };
    const app = await start((presented, ath) => {
      seen.push([presented, ath]);
      return claims[presented];
    });
    expect(await call(app, client, { token: opaque })).toMatchObject({ status: 200 });
    expect(seen[0]?.[0]).toBe(opaque);
    expect(seen[0]?.[1]).toMatch(/^[\w-]{43}$/);
    expect(await call(app, client, { token: 'unbound' })).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
    expect(await call(app, client, { token: 'foreign' })).toMatchObject({
      status: 401,
      code: 'invalid_token',
    });
  });

  test('B6 stands beside issuers: it gets the tokens that name none of them', async () => {
    const seen: string[] = [];
    const own = new OpaqueTokens((presented) => {
      seen.push(presented);
      return { cnf: { jkt: client.jkt } };
    });
    const app = await startApp(
      platform,
      root({ dpop: DpopModule.forRoot(options({ accessToken: [issuer.accessToken, own] })) }),
    );
    const forged = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}`;
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token: forged })).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(await call(app, client, { token: opaque })).toMatchObject({ status: 200 });
    expect(seen).toEqual([opaque]);
  });

  test('is told of accepted requests with its own tokens, and of no others', async () => {
    const told: unknown[] = [];
    const answers: unknown[] = [];
    class Remembering extends OpaqueTokens {
      override remember(presented: string, ath: string, claims: AccessTokenClaims): void {
        told.push([presented, ath.length, claims === answers.at(-1)]);
      }
    }
    const own = new Remembering(() => {
      answers.push({ cnf: { jkt: client.jkt } });
      return answers.at(-1);
    });
    const dpop = DpopModule.forRoot(options({ accessToken: [issuer.accessToken, own] }));
    const app = await startApp(platform, root({ dpop }));
    const proof = await proofFor(client, { token: opaque });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token: opaque, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token: opaque, proof })).toMatchObject({ status: 401 });
    expect(told).toEqual([[opaque, 43, true]]);
  });

  test('may fail to remember: 503, and the process lives', async () => {
    class Forgetful extends OpaqueTokens {
      override remember(): Promise<void> {
        return Promise.reject(new Error('no room'));
      }
    }
    const own = new Forgetful(() => ({ cnf: { jkt: client.jkt } }));
    const app = await startApp(platform, root({ dpop: DpopModule.forRoot(options({ accessToken: own })) }));
    expect(await call(app, client, { token: opaque })).toMatchObject(UNAVAILABLE);
    expect(await call(app, client)).toMatchObject({ status: 401 });
  });

  test('D2 a DpopError of its own is the answer', async () => {
    const app = await start(() => {
      throw new DpopError('token_expired');
    });
    const answer = await call(app, client, { token: opaque });
    expect(answer).toMatchObject({ status: 401, code: 'invalid_token' });
    expect(answer.challenge).toContain('error="invalid_token"');
  });

  test('D8 a DpopUnavailableError of its own says when to come back', async () => {
    const app = await start(() => {
      throw new DpopUnavailableError('issuer_unavailable', { retryAfterSeconds: 7 });
    });
    const answer = await call(app, client, { token: opaque });
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(answer.headers.get('retry-after')).toBe('7');
  });

  const failures: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects with nothing', () => Promise.reject<unknown>()],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['returns undefined', () => undefined],
    ['resolves undefined', () => Promise.resolve()],
    ['returns null', () => null],
    ['returns a string', () => 'claims'],
    ['returns an array', () => [{ cnf: {} }]],
  ];

  test.each(failures)('B8 D8 one that %s is 503', async (_name, answer) => {
    const app = await start(answer);
    hits = 0;
    const unavailable = await call(app, client, { token: opaque });
    expect(unavailable).toMatchObject(UNAVAILABLE);
    expect(unavailable.headers.get('retry-after')).toBe('1');
    expect(hits).toBe(0);
  });
});

class AnsweringStore extends ReplayStore {
  constructor(
    private readonly answer: () => unknown,
    private readonly epoch: () => string = () => 'AAAAAAAA',
  ) {
    super();
  }

  override claim(): Promise<ReplayOutcome> {
    return this.answer() as Promise<ReplayOutcome>;
  }

  override epochOf(): string {
    return this.epoch();
  }
}

describe.each(PLATFORMS)('ReplayStore of the app on %s', (platform) => {
  const start = (replayStore: ReplayStore, extra: Partial<DpopModuleOptions> = {}) =>
    startApp(
      platform,
      root({ dpop: DpopModule.forRoot(options({ storage: { replayStore, shared: true }, ...extra })) }),
    );

  const failures: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects with null', () => Promise.reject<unknown>(null)],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['returns undefined', () => undefined],
    ['returns true', () => true],
    ['returns OK', () => 'OK'],
    ['resolves null', () => Promise.resolve(null)],
    [
      'is full',
      () => {
        throw new DpopUnavailableError('replay_store_full');
      },
    ],
  ];

  test.each(failures)('D8 F5 one that %s is 503, and the handler does not run', async (_name, answer) => {
    const app = await start(new AnsweringStore(answer));
    hits = 0;
    const unavailable = await call(app, client, { token });
    expect(unavailable).toMatchObject(UNAVAILABLE);
    expect(unavailable.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(hits).toBe(0);
  });

  test('F6 one that cannot tell asks for a nonce, which is handed out', async () => {
    const app = await start(new AnsweringStore(() => 'unknown'));
    const answer = await call(app, client, { token });
    expect(answer).toMatchObject({ status: 401, code: 'use_dpop_nonce' });
    expect(answer.nonce).toMatch(/^[\w-]{20,80}$/);
  });

  test('D8 one whose memory has no name is 503 when a nonce is needed', async () => {
    const store = new AnsweringStore(
      () => 'first',
      () => {
        throw new Error('not connected');
      },
    );
    const app = await start(store, { nonce: 'required' });
    expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
  });

  test('F2 F3 sees a digest, never what the client sent, and only proofs that passed everything else', async () => {
    const claims: unknown[] = [];
    const store = new MemoryReplayStore();
    const claim = store.claim.bind(store);
    store.claim = (seen) => {
      claims.push(seen);
      return claim(seen);
    };
    const app = await start(store);
    const stranger = await TestClient.create();
    await call(app, client, { token, origin: 'https://evil.example' });
    await call(app, stranger, { token });
    await call(app, client, { token: `${token}x` });
    await call(app, client, { token, nonce: 'unknown' });
    expect(claims).toEqual([]);
    await call(app, client, { token, claims: { jti: 'a-jti-of-the-client' } });
    await call(app, client, { token, claims: { jti: 'j'.repeat(256) } });
    expect(claims).toHaveLength(2);
    expect(claims).toMatchObject([{ jkt: client.jkt }, { jkt: client.jkt }]);
    for (const seen of claims as { id: string }[]) expect(seen.id).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(claims)).not.toContain('a-jti-of-the-client');
  });
});

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Knows whether it is open, and cannot be used when it is not. */
class DoorStorage implements DpopStorage {
  readonly shared = true;
  readonly events: string[] = [];
  readonly replayStore = new AnsweringStore(() => {
    if (this.events.at(-1) !== 'open') throw new Error('the storage is closed');
    return 'first';
  });

  async open(): Promise<void> {
    await Promise.resolve();
    this.events.push('open');
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.events.push('close');
  }
}

describe.each(PLATFORMS)('the life of the storage on %s', (platform) => {
  test('opens once at start, closes once at shutdown', async () => {
    const storage = new DoorStorage();
    const app = await startApp(platform, root({ dpop: DpopModule.forRoot(options({ storage })) }));
    expect(storage.events).toEqual(['open']);
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    await closeApps();
    expect(storage.events).toEqual(['open', 'close']);
  });

  test('one that does not open keeps the app from starting', async () => {
    const storage: DpopStorage = {
      shared: true,
      replayStore: new AnsweringStore(() => 'first'),
      open: () => Promise.reject(new Error('no storage')),
    };
    const module = root({ dpop: DpopModule.forRoot(options({ storage })) });
    await expect(startApp(platform, module)).rejects.toThrow('no storage');
  });

  test('D8 a request in flight at shutdown gets its answer before the storage closes', async () => {
    const storage = new DoorStorage();
    const [arrived, mayGoOn, modulesDestroyed] = [deferred(), deferred(), deferred()];

    @Injectable()
    class Witness implements BeforeApplicationShutdown {
      // Called after every onModuleDestroy, and before the server is closed.
      beforeApplicationShutdown(): void {
        modulesDestroyed.resolve();
      }
    }

    const accessToken = new OpaqueTokens(async () => {
      arrived.resolve();
      await mayGoOn.promise;
      return { cnf: { jkt: client.jkt } };
    });
    const dpop = DpopModule.forRoot(options({ storage, accessToken }));
    const app = await startApp(platform, root({ dpop, providers: [Witness] }));

    const answer = call(app, client, { token: 'slow' });
    await arrived.promise;
    const closed = app.nest.close();
    await modulesDestroyed.promise;
    expect(storage.events).toEqual(['open']);
    mayGoOn.resolve();
    expect(await answer).toMatchObject({ status: 200, body: { jkt: client.jkt } });
    // The connection that fetch keeps alive would hold Express back for seconds.
    (app.nest.getHttpServer() as Server).closeIdleConnections();
    await closed;
    expect(storage.events).toEqual(['open', 'close']);
  });

  test('F7 the memory of one process is spoken of at start, a shared one is not', async () => {
    const logger = new LogCollector();
    await startApp(platform, root({ dpop: DpopModule.forRoot(options()) }), { logger });
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    expect(logger.text).toContain('in the memory of this process');
    const silent = new LogCollector();
    const dpop = DpopModule.forRoot(options({ storage: new DoorStorage() }));
    await startApp(platform, root({ dpop }), { logger: silent });
    expect(silent.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
  });
});

interface PassportActions {
  pass(): void;
  success(user: unknown, info?: unknown): void;
}

type ForeignAction = (actions: PassportActions) => void;

/** What passport asks of a strategy, and no more. */
class BareStrategy {
  authenticate(): void {
    throw new Error('not called');
  }
}

class ForeignStrategy extends PassportStrategy(BareStrategy, 'dpop') {
  constructor(private readonly act: ForeignAction) {
    super();
  }

  override authenticate(this: ForeignStrategy & PassportActions): void {
    this.act(this);
  }

  validate(): unknown {
    return { name: 'everybody' };
  }
}

/** Whoever is made last has the name "dpop" in passport's registry. */
function takeName(create: () => object): void {
  create();
}

@Controller()
class PlainPassportController {
  @UseGuards(AuthGuard('dpop'))
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

@Controller()
class UnaskingController {
  @UseGuards(DpopGuard)
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

/** Says yes without having asked. */
@Injectable()
class CarelessStrategy extends DpopStrategy {
  override validate(): Promise<DpopVerdict> {
    return Promise.resolve({ jkt: client.jkt, scheme: 'DPoP' } as DpopVerdict);
  }
}

/** Says nothing. */
@Injectable()
class SilentStrategy extends DpopStrategy {
  override validate(): Promise<DpopVerdict> {
    return Promise.resolve(undefined as never);
  }
}

type UserAnswer = () => unknown;

const USERS: Readonly<Record<string, UserAnswer>> = {
  wanted: () => ({ name: 'wanted' }),
  'looked up': () => Promise.resolve({ name: 'looked up' }),
  unwanted: () => {
    throw new ForbiddenException();
  },
  'found unwanted': () => Promise.reject(new ForbiddenException()),
  failing: () => {
    throw new InternalServerErrorException('quoted');
  },
  'failing later': () => Promise.reject(new Error('quoted')),
  redirected: () => {
    throw new HttpException('quoted', 302);
  },
};

/** Knows users of its own. */
@Injectable()
class UsersGuard extends DpopGuard {
  override handleRequest(_error: unknown, { subject = '' }: DpopVerdict): never {
    return USERS[subject]?.() as never;
  }
}

/** Asks a table of policies that is out of reach. */
@Injectable()
class LostPolicyGuard extends DpopGuard {
  protected override getPolicy(): never {
    throw new Error('quoted');
  }
}

@Controller()
class LostPolicyController {
  @UseGuards(LostPolicyGuard)
  @Get()
  read(): string {
    hits += 1;
    return 'read';
  }
}

@Controller()
class UsersController {
  @UseGuards(UsersGuard)
  @Get()
  read(@Req() request: { user: unknown }, @DpopBound() jkt: string): object {
    hits += 1;
    return { user: request.user, jkt };
  }
}

describe.each(PLATFORMS)('passport on %s', (platform) => {
  const actions: readonly (readonly [string, ForeignAction])[] = [
    ['pass()', (strategy) => strategy.pass()],
    ['success() with a user', (strategy) => strategy.success({ jkt: client.jkt, scheme: 'DPoP' })],
    ['success() with info', (strategy) => strategy.success({}, { verdict: true })],
  ];

  test.each(actions)('a foreign strategy "dpop" that calls %s is never asked', async (_name, act) => {
    // Its handler asks for no verdict, which would fail by itself.
    const controllers = [UnaskingController];
    const app = await startApp(platform, root({ dpop: DpopModule.forRoot(options()), controllers }));
    hits = 0;
    try {
      takeName(() => new ForeignStrategy(act));
      expect(await call(app, client)).toMatchObject({ status: 401 });
      expect(hits).toBe(0);
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
      expect(hits).toBe(1);
    } finally {
      takeName(() => new DpopStrategy());
    }
  });

  test.each([CarelessStrategy, SilentStrategy])(
    '%p in the place of ours lets nobody through',
    async (strategy) => {
      const dpop = DpopModule.forRoot(options());
      const providers = [{ provide: DpopStrategy, useClass: strategy }];
      const app = await startApp(platform, root({ dpop, controllers: [UnaskingController], providers }));
      hits = 0;
      expect(await call(app, client)).toMatchObject(UNAVAILABLE);
      expect(await call(app, client, { token })).toMatchObject(UNAVAILABLE);
      expect(hits).toBe(0);
    },
  );

  async function callAs(sub: string) {
    const dpop = DpopModule.forRoot(options());
    const app = await startApp(platform, root({ dpop, controllers: [UsersController] }));
    hits = 0;
    return await call(app, client, { token: await issuer.issueToken({ client, claims: { sub } }) });
  }

  test.each(['wanted', 'looked up'])('handleRequest says who the user is: %s', async (name) => {
    const body = { user: { name }, jkt: client.jkt };
    expect(await callAs(name)).toMatchObject({ status: 200, body });
    expect(hits).toBe(1);
  });

  test.each(['unwanted', 'found unwanted'])('handleRequest may refuse after all: %s', async (name) => {
    expect(await callAs(name)).toMatchObject({ status: 403 });
    expect(hits).toBe(0);
  });

  test.each(['failing', 'failing later', 'redirected'])('handleRequest may fail: %s', async (name) => {
    const answer = await callAs(name);
    expect(answer).toMatchObject(UNAVAILABLE);
    expect(JSON.stringify(answer.body)).not.toContain('quoted');
    expect(hits).toBe(0);
  });

  test('getPolicy may fail, and is told as any failure of ours', async () => {
    const dpop = DpopModule.forRoot(options());
    const logger = new LogCollector();
    const app = await startApp(platform, root({ dpop, controllers: [LostPolicyController] }), { logger });
    hits = 0;
    for (const answer of [await call(app, client), await call(app, client, { token })]) {
      expect(answer).toMatchObject(UNAVAILABLE);
      expect(JSON.stringify(answer.body)).not.toContain('quoted');
    }
    expect(logger.text).toContain('answered 503: internal_failure; Error at ');
    expect(hits).toBe(0);
  });

  test("AuthGuard('dpop') in the place of DpopGuard lets nobody through", async () => {
    const dpop = DpopModule.forRoot(options());
    const app = await startApp(platform, root({ dpop, controllers: [PlainPassportController] }));
    hits = 0;
    expect(await call(app, client, { token })).toMatchObject({ status: 503 });
    expect(await call(app, client)).toMatchObject({ status: 503 });
    expect(hits).toBe(0);
  });
});

@Controller()
class ObservedController {
  @UseGuards(DpopGuard)
  @Get()
  read(): string {
    return 'read';
  }

  @UseGuards(DpopGuard)
  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(): string {
    return 'nonce';
  }
}

describe.each(PLATFORMS)('D6 what an operator sees on %s', (platform) => {
  async function observe(act: () => Promise<void>): Promise<readonly DpopDecision[]> {
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

  test('each decision is published: outcome, code, reason, who, and how long it took', async () => {
    const failing = new OpaqueTokens(() => Promise.reject(new Error('down')));
    const dpop = DpopModule.forRoot(options({ accessToken: [issuer.accessToken, failing] }));
    const app = await startApp(platform, root({ dpop, controllers: [ObservedController] }));
    const proof = await proofFor(client, { token });
    const decisions = await observe(async () => {
      await call(app, client, { token, proof });
      await call(app, client, { token, proof });
      await call(app, client);
      await call(app, client, { path: '/nonce', token });
      await call(app, client, { token: 'opaque' });
    });
    const known = { issuer: issuer.issuer, clientId: 'client', jkt: client.jkt };
    const unknown = { issuer: undefined, clientId: undefined, jkt: undefined };
    const always = {
      replayChecked: true,
      durationMs: expect.any(Number) as unknown,
      detail: undefined,
      expected: undefined,
      offBySeconds: undefined,
      method: 'GET',
      route: '/',
      handler: 'ObservedController.read',
    };
    expect(decisions).toEqual([
      { outcome: 'accepted', code: undefined, reason: undefined, ...known, ...always },
      { outcome: 'refused', code: 'invalid_dpop_proof', reason: 'proof_replayed', ...known, ...always },
      {
        outcome: 'refused',
        code: 'credentials_missing',
        reason: 'credentials_missing',
        ...unknown,
        ...always,
      },
      {
        outcome: 'refused',
        code: 'use_dpop_nonce',
        reason: 'nonce_missing',
        ...known,
        ...always,
        route: '/nonce',
        handler: 'ObservedController.nonce',
      },
      {
        outcome: 'unavailable',
        code: 'temporarily_unavailable',
        reason: 'internal_failure',
        ...unknown,
        ...always,
      },
    ]);
    for (const decision of decisions) expect(decision.durationMs).toBeGreaterThanOrEqual(0);
  });

  test('F5 a request that passes while the replay store fails is reported as such', async () => {
    const failing = new AnsweringStore(() => Promise.reject(new Error('down')));
    const storage = { replayStore: failing, shared: true };
    const dpop = DpopModule.forRoot(options({ storage, onReplayStoreFailure: 'accept-and-report' }));
    const app = await startApp(platform, root({ dpop }));
    const decisions = await observe(async () => {
      expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    });
    expect(decisions).toMatchObject([
      { outcome: 'accepted', reason: 'replay_store_unavailable', replayChecked: false },
    ]);
  });

  test('D5 neither decisions nor logs hold a token, proof, nonce or jti, whatever fails and however', async () => {
    const logger = new LogCollector();
    const secrets: string[] = [];
    const loud = new OpaqueTokens((presented) => {
      if (presented.startsWith('multiline'))
        throw new Error(`cannot read\n    at ${presented} of the client`);
      const cause = Object.assign(new Error(`no such token: ${presented}`), { token: presented });
      throw new Error(`lookup of ${presented} failed`, { cause });
    });
    const accessToken = [issuer.accessToken, loud];
    const app = await startApp(
      platform,
      root({ dpop: DpopModule.forRoot(options({ accessToken })), controllers: [ObservedController] }),
      { logger },
    );
    let counter = 0;
    const play = async (parts: Parameters<typeof call>[2] & { readonly token: string }): Promise<void> => {
      const jti = `jti-of-request-${(counter += 1)}`;
      const proof = parts.proof ?? (await proofFor(client, { ...parts, claims: { jti, ...parts.claims } }));
      const { nonce, headers } = await call(app, client, { ...parts, proof });
      secrets.push(jti, parts.token, ...parts.token.split('.').filter((part) => part.length > 8));
      secrets.push(proof, ...proof.split('.').filter((part) => part.length > 8));
      if (parts.nonce !== undefined) secrets.push(parts.nonce);
      if (nonce !== null) secrets.push(nonce);
      expect(headers.get('dpop-nonce')).toBe(nonce);
    };

    const decisions = await observe(async () => {
      const other = await TestIssuer.create();
      const demand = await call(app, client, { path: '/nonce', token });
      await play({ token });
      const captured = await proofFor(client, { token });
      await play({ token, proof: captured });
      await play({ token, proof: captured });
      await play({ token, path: '/nonce' });
      await play({ token, path: '/nonce', nonce: demand.nonce ?? '' });
      await play({ token, nonce: 'a-nonce-of-nobody' });
      await play({ token, origin: 'https://elsewhere.example' });
      await play({ token, claims: { iat: 1 } });
      await play({ token, proof: 'not-a-proof-at-all' });
      await play({ token: await other.issueToken({ client }) });
      await play({ token: 'opaque-token-of-a-client' });
      await play({ token: 'multiline-token-of-a-client' });
    });
    expect(decisions.length).toBeGreaterThanOrEqual(12);
    expect(logger.text).toContain('refused: invalid_dpop_proof (proof_htu: origin)');
    expect(logger.text).toContain('answered 503: internal_failure; Error at ');
    const published = JSON.stringify(decisions);
    for (const secret of secrets) {
      expect(published).not.toContain(secret);
      expect(logger.text).not.toContain(secret);
    }
  });
});
