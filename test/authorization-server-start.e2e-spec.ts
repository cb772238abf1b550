import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  Module,
  Post,
  Scope,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  DpopAuthorizationServerModule,
  type DpopAuthorizationServerOptions,
  type DpopAuthorizationServerOptionsFactory,
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  DpopProof,
  DpopProofGuard,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestIssuer } from 'nestjs-dpop/testing';
import { LogCollector } from './support/log-collector.js';
import { adapterOf, PLATFORMS } from './support/platforms.js';
import { closeApps, startApp } from './support/running-app.js';
import { startFailureOf } from './support/start-failure.js';

const OPTIONS: DpopAuthorizationServerOptions = { issuer: 'https://auth.example.com' };

afterEach(closeApps);

@Controller('token')
class BoundController {
  @Post()
  issue(@DpopBound() jkt: string): object {
    return { jkt };
  }
}

@DpopProof({ nonce: 'required' })
@Controller('par')
class PolicyController {
  @Post()
  push(): void {}

  notAnEndpoint(): void {}
}

@Controller('device')
class HandlerPolicyController {
  @DpopProof({ absentProof: 'accept' })
  @Post()
  authorize(): void {}
}

function root(parts: {
  readonly imports?: DynamicModule['imports'];
  readonly controllers?: readonly Type[];
  readonly providers?: DynamicModule['providers'];
}): DynamicModule {
  @Module({})
  class RootModule {}
  const {
    imports = [DpopAuthorizationServerModule.forRoot({ ...OPTIONS })],
    controllers = [],
    providers = [],
  } = parts;
  return { module: RootModule, imports, controllers: [...controllers], providers };
}

describe.each(PLATFORMS)('an authorization server does not start on %s (G7)', (platform) => {
  test('if endpoints have decorators and no guard', async () => {
    const controllers = [BoundController, PolicyController, HandlerPolicyController];
    const message = await startFailureOf(platform, root({ controllers }));
    expect(message).toBe(
      'No guard covers these handlers, and their decorators enforce nothing: BoundController.issue (@DpopBound), ' +
        'PolicyController.push (@DpopProof), HandlerPolicyController.authorize (@DpopProof). Add @UseGuards(DpopProofGuard). ' +
        "If another guard of the app enforces them, set unguardedRoutes: 'warn'",
    );
  });

  test('and starts with a warning if an option says so', async () => {
    const logger = new LogCollector();
    const imports = [DpopAuthorizationServerModule.forRoot({ ...OPTIONS, unguardedRoutes: 'warn' })];
    await startApp(platform, root({ imports, controllers: [BoundController] }), { logger });
    expect(logger.text).toContain('No guard covers these handlers');
  });

  test.each<[string, () => { controllers?: readonly Type[]; providers?: DynamicModule['providers'] }]>([
    ['the app', () => ({ providers: [{ provide: APP_GUARD, useExisting: DpopProofGuard }] })],
    [
      'another guard',
      () => {
        @Injectable()
        class ClientGuard implements CanActivate {
          constructor(@Inject(DpopProofGuard) private readonly guard: DpopProofGuard) {}

          canActivate(context: ExecutionContext): Promise<boolean> {
            return this.guard.canActivate(context);
          }
        }
        return { providers: [{ provide: APP_GUARD, useClass: ClientGuard }] };
      },
    ],
    [
      'the classes',
      () => ({
        controllers: [BoundController, PolicyController].map((base) => {
          @UseGuards(DpopProofGuard)
          class Guarded extends base {}
          return Guarded as Type;
        }),
      }),
    ],
  ])('but it does if the guard is on %s', async (_where, parts) => {
    await startApp(platform, root({ controllers: [BoundController, PolicyController], ...parts() }));
  });

  test('if its options depend on a request', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Tenant {}
    @Injectable()
    class Factory implements DpopAuthorizationServerOptionsFactory {
      constructor(@Inject(Tenant) readonly tenant: Tenant) {}

      createDpopAuthorizationServerOptions(): DpopAuthorizationServerOptions {
        return OPTIONS;
      }
    }
    @Module({ providers: [Tenant, Factory], exports: [Factory] })
    class TenantModule {}
    const imports = [
      DpopAuthorizationServerModule.forRootAsync({ imports: [TenantModule], useExisting: Factory }),
    ];
    expect(await startFailureOf(platform, root({ imports }))).toMatch(
      /^The options of DpopAuthorizationServerModule must be one for the whole app, .*request-scoped provider.*Tenant/,
    );
  });

  test('if two registrations are global, and does if both are for a part of the app', async () => {
    const other = { issuer: 'https://other.example.com' };
    const global = [OPTIONS, other].map((options) => DpopAuthorizationServerModule.forRoot({ ...options }));
    expect(await startFailureOf(platform, root({ imports: global }))).toContain(
      'registered globally more than once',
    );
    const parts = [OPTIONS, other].map((options, at) => {
      @Module({ controllers: [] })
      class PartModule {}
      return {
        module: PartModule,
        imports: [DpopAuthorizationServerModule.forRoot({ ...options, isGlobal: false })],
        controllers: [guardedAt(`part-${at}`)],
      };
    });
    await startApp(platform, root({ imports: parts }));
  });

  test('if one module imports two registrations for a part of the app, directly or by another module', async () => {
    const [first, second] = ['one', 'two'].map((name) =>
      DpopAuthorizationServerModule.forRoot({ issuer: `https://${name}.example.com`, isGlobal: false }),
    ) as [DynamicModule, DynamicModule];
    @Module({ imports: [second], exports: [second] })
    class SharedModule {}
    @Module({ imports: [second] })
    class UnsharedModule {}
    for (const imports of [
      [first, second],
      [second, first],
      [first, SharedModule],
    ]) {
      expect(await startFailureOf(platform, root({ imports, controllers: [guardedAt('part')] }))).toMatch(
        /^RootModule imports two registrations of DpopAuthorizationServerModule with isGlobal: false, and Nest would silently use one/,
      );
    }
    await startApp(platform, root({ imports: [first, UnsharedModule], controllers: [guardedAt('part')] }));
  });

  test('if the class is imported without options', async () => {
    expect(await startFailureOf(platform, root({ imports: [DpopAuthorizationServerModule] }))).toMatch(
      /^DpopAuthorizationServerModule was imported without options \(DPOP_AUTHORIZATION_SERVER_MODULE_OPTIONS\): import DpopAuthorizationServerModule\.forRoot/,
    );
  });

  test('if a factory returns options that are wrong', async () => {
    const module = DpopAuthorizationServerModule.forRootAsync({ useFactory: () => ({}) as never });
    expect(await startFailureOf(platform, root({ imports: [module] }))).toMatch(
      /^issuer must be an https URL/,
    );
  });
});

function guardedAt(path: string): Type {
  @UseGuards(DpopProofGuard)
  @Controller(path)
  class GuardedController {
    @Post()
    issue(@DpopBound() jkt: string): object {
      return { jkt };
    }
  }
  return GuardedController;
}

test('equal options are one registration, with one replay store (F1)', () => {
  expect(DpopAuthorizationServerModule.forRoot({ ...OPTIONS })).toBe(
    DpopAuthorizationServerModule.forRoot({ ...OPTIONS }),
  );
});

test.each<[string, () => unknown, RegExp]>([
  [
    'forRoot()',
    () => DpopAuthorizationServerModule.forRoot(undefined as never),
    /^DpopAuthorizationServerModule\.forRoot\(\) must/,
  ],
  [
    'two ways',
    () =>
      DpopAuthorizationServerModule.forRootAsync({ useFactory: () => OPTIONS, useClass: class {} as never }),
    /useFactory, useClass/,
  ],
  ['no way', () => DpopAuthorizationServerModule.forRootAsync({}), /given: none/],
  [
    'isGlobal',
    () => DpopAuthorizationServerModule.forRoot({ ...OPTIONS, isGlobal: 1 as never }),
    /^isGlobal must be/,
  ],
  [
    '@DpopProof: an unknown name',
    () => DpopProof({ proof: 'optional' } as never),
    /^@DpopProof\(\) has no option "proof"/,
  ],
  [
    '@DpopProof: an unknown value',
    () => DpopProof({ absentProof: 'optional' as never }),
    /^@DpopProof\(\) absentProof must be/,
  ],
  [
    '@DpopProof: another unknown value',
    () => DpopProof({ nonce: 'optional' as never }),
    /^@DpopProof\(\) nonce must be/,
  ],
  [
    '@DpopProof twice',
    () => {
      @DpopProof({ nonce: 'off' })
      @DpopProof({ nonce: 'required' })
      class Twice {}
      return Twice;
    },
    /^@DpopProof\(\) must be used once/,
  ],
])('%s is refused with the accepted form (I4)', (_what, act, message) => {
  expect(act).toThrow(TypeError);
  expect(act).toThrow(message);
});

describe('a resource server in the same app (I2)', () => {
  test('takes @DpopBound behind DpopProofGuard for guarded, and no other decorator', async () => {
    const { accessToken } = await TestIssuer.create();
    const dpop = DpopModule.forRoot({ origin: 'https://api.example.com', accessToken });
    const imports = [dpop, DpopAuthorizationServerModule.forRoot({ ...OPTIONS })];
    await startApp('express', root({ imports, controllers: [guardedAt('token')] }));
    @Controller('accounts')
    class AccountsController {
      @Get()
      list(@DpopBound('subject') subject: string): object {
        return { subject };
      }
    }
    expect(await startFailureOf('express', root({ imports, controllers: [AccountsController] }))).toContain(
      "AccountsController.list (@DpopBound('subject'))",
    );
  });
});

@Controller('accounts')
class ResourceController {
  @RequireScopes('accounts')
  @Get('scopes')
  list(): void {}

  @Dpop({ nonce: 'required' })
  @Get('nonce')
  nonce(@DpopBound() jkt: string): object {
    return { jkt };
  }

  @Get('claims')
  claims(@DpopBound('claims') claims: object): object {
    return { claims };
  }

  @Get('open')
  open(): void {}
}

const DEMANDS =
  "ResourceController.list (@RequireScopes), ResourceController.nonce (@Dpop), ResourceController.claims (@DpopBound('claims'))";

function behind(guard: Type<CanActivate>, base: Type, ...decorators: readonly ClassDecorator[]): Type {
  class Guarded extends base {}
  for (const decorate of [UseGuards(guard), Controller(base.name), ...decorators]) decorate(Guarded);
  Object.defineProperty(Guarded, 'name', { value: base.name });
  return Guarded;
}

describe.each(PLATFORMS)('decorators of the other server end the start on %s (G7, I2)', (platform) => {
  const authorizationServer = () => DpopAuthorizationServerModule.forRoot({ ...OPTIONS });
  const resourceServer = async () => {
    const { accessToken } = await TestIssuer.create();
    return DpopModule.forRoot({ origin: 'https://api.example.com', accessToken });
  };

  test.each<[string, () => Type]>([
    ['without a guard', () => ResourceController],
    ['behind DpopProofGuard', () => behind(DpopProofGuard, ResourceController)],
  ])('those of resources in an app without DpopModule, %s', async (_where, controller) => {
    const message = await startFailureOf(platform, root({ controllers: [controller()] }));
    expect(message).toContain(
      `Only DpopGuard enforces these decorators, and an app without DpopModule does not have it: ${DEMANDS}. Import DpopModule.forRoot`,
    );
  });

  test('behind DpopProofGuard in an app with both servers, whichever is imported first', async () => {
    const modules = [authorizationServer(), await resourceServer()];
    for (const imports of [modules, modules.toReversed()]) {
      const controllers = [behind(DpopProofGuard, ResourceController)];
      expect(await startFailureOf(platform, root({ imports, controllers }))).toMatch(
        /^DpopProofGuard verifies no access token, and these decorators need one: ResourceController\.list \(@RequireScopes\), .*\.claims \(@DpopBound\('claims'\)\)\. A resource needs @UseGuards\(DpopGuard\)/,
      );
    }
  });

  test('@DpopBound with a key behind DpopProofGuard, even where @SkipDpop lifts a global DpopGuard', async () => {
    @Controller('token')
    class TokenController {
      @Post()
      issue(@DpopBound('claims') claims: object): object {
        return { claims };
      }
    }
    const imports = [authorizationServer(), await resourceServer()];
    const controllers = [behind(DpopProofGuard, TokenController, SkipDpop())];
    const providers = [{ provide: APP_GUARD, useExisting: DpopGuard }];
    expect(await startFailureOf(platform, root({ imports, controllers, providers }))).toContain(
      "TokenController.issue (@DpopBound('claims'))",
    );
  });

  test.each<[string, (base: Type) => Type]>([
    ['without a guard', (base) => base],
    ['behind DpopGuard', (base) => behind(DpopGuard, base)],
  ])('@DpopProof in an app without an authorization server, %s', async (_where, place) => {
    const controllers = [PolicyController, HandlerPolicyController].map(place);
    const message = await startFailureOf(platform, root({ imports: [await resourceServer()], controllers }));
    expect(message).toContain(
      'Only DpopProofGuard enforces @DpopProof, and it does not cover these handlers: PolicyController.push, HandlerPolicyController.authorize.',
    );
  });

  test('an unguarded @DpopBound() names both guards, each with its purpose', async () => {
    const modules = [authorizationServer(), await resourceServer()];
    for (const imports of [modules, modules.toReversed()]) {
      const message = await startFailureOf(platform, root({ imports, controllers: [BoundController] }));
      expect(message).toContain('BoundController.issue (@DpopBound)');
      expect(message).toContain('DpopGuard is for resources: it verifies the access token and its key.');
      expect(message).toContain('it lets any key in');
    }
  });

  test('an unguarded handler with @DpopBound() and a scope can only mean DpopGuard', async () => {
    @Controller('payments')
    class PaymentsController {
      @RequireScopes('payments')
      @Post()
      pay(@DpopBound() jkt: string): object {
        return { jkt };
      }
    }
    const modules = [authorizationServer(), await resourceServer()];
    for (const imports of [modules, modules.toReversed()]) {
      const message = await startFailureOf(platform, root({ imports, controllers: [PaymentsController] }));
      expect(message).toContain(
        'No DpopGuard covers these handlers, and their decorators enforce nothing: PaymentsController.pay (@RequireScopes, @DpopBound).',
      );
    }
  });
});

test('a test of the app may replace the guard', async () => {
  const builder = Test.createTestingModule({
    imports: [DpopAuthorizationServerModule.forRoot({ ...OPTIONS })],
    controllers: [guardedAt('token')],
  });
  const module = await builder
    .overrideProvider(DpopProofGuard)
    .useValue({ canActivate: () => true })
    .compile();
  const app = module.createNestApplication(adapterOf('express'), { logger: false });
  await app.init();
  await app.close();
});
