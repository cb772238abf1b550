import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Module,
  type Provider,
  Scope,
  SetMetadata,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, ContextIdFactory, LazyModuleLoader, NestFactory, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleAsyncOptions,
  type DpopModuleOptions,
  type DpopOptionsFactory,
  MemoryStorage,
  RequireAuthentication,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import {
  adapterOf,
  call,
  closeApps,
  LogCollector,
  PLATFORMS,
  type Platform,
  proofFor,
  startApp,
  type StartOptions,
  withOrigin,
} from './support-surface.js';

let issuer: TestIssuer;
let client: TestClient;
let token: string;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  client = await TestClient.create();
  token = await issuer.issueToken({ client, scopes: ['read'] });
});

afterEach(closeApps);

function options(overrides: Partial<DpopModuleOptions> = {}): DpopModuleOptions {
  return withOrigin({ accessToken: issuer.accessToken, ...overrides });
}

@Controller()
@UseGuards(DpopGuard)
class GuardedController {
  @Get()
  read(): string {
    return 'read';
  }
}

@Controller()
class PlainController {
  @Get()
  read(): string {
    return 'read';
  }
}

@Module({})
class RootModule {}

interface RootParts {
  readonly dpop?: DynamicModule | Type;
  readonly imports?: NonNullable<DynamicModule['imports']>;
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
}

function root({ dpop, imports = [], controllers = [], providers = [] }: RootParts): DynamicModule {
  return {
    module: RootModule,
    imports: [dpop ?? DpopModule.forRoot(options()), ...imports],
    controllers: [...controllers],
    providers: [...providers],
  };
}

async function failureOf(
  platform: Platform,
  module: Type | DynamicModule,
  startOptions: StartOptions = {},
): Promise<string> {
  const outcome: unknown = await startApp(platform, module, startOptions).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(TypeError);
  return (outcome as TypeError).message;
}

/** The bindings of the guard, each of which is a way of its own to go wrong. */
const BINDINGS: readonly (readonly [string, RootParts])[] = [
  ['@UseGuards', { controllers: [GuardedController] }],
  [
    'APP_GUARD, useExisting',
    { controllers: [PlainController], providers: [{ provide: APP_GUARD, useExisting: DpopGuard }] },
  ],
  [
    'APP_GUARD, useClass',
    { controllers: [PlainController], providers: [{ provide: APP_GUARD, useClass: DpopGuard }] },
  ],
];

@Injectable()
class SettingsByRequest implements DpopOptionsFactory {
  constructor(@Inject(REQUEST) readonly request: unknown) {}

  createDpopOptions(): DpopModuleOptions {
    return options();
  }
}

@Injectable({ scope: Scope.REQUEST })
class ScopedSettings implements DpopOptionsFactory {
  createDpopOptions(): DpopModuleOptions {
    return options();
  }
}

@Injectable({ scope: Scope.REQUEST, durable: true })
class DurableSettings extends ScopedSettings {}

@Injectable({ scope: Scope.TRANSIENT })
class TransientSettings extends ScopedSettings {}

@Injectable()
class NearSettings {
  @Inject(forwardRef(() => FarSettings))
  readonly far!: unknown;
}

@Injectable()
class FarSettings {
  constructor(@Inject('tenant') readonly tenant: unknown) {}
}

@Module({
  providers: [
    NearSettings,
    FarSettings,
    ScopedSettings,
    { provide: 'tenant', scope: Scope.REQUEST, useFactory: () => 'tenant' },
    { provide: 'alias', useExisting: ScopedSettings },
  ],
  exports: [NearSettings, 'alias', ScopedSettings],
})
class SettingsModule {}

@Module({ imports: [SettingsModule], exports: [SettingsModule] })
class ReexportingModule {}

@Module({ providers: [DurableSettings], exports: [DurableSettings] })
class DurableModule {}

const asyncOptions = (
  inject: NonNullable<DpopModuleAsyncOptions['inject']>,
  imports: NonNullable<DpopModuleAsyncOptions['imports']> = [],
): DpopModuleAsyncOptions => ({ inject, imports, useFactory: () => options() });

const SCOPED: readonly (readonly [string, () => DpopModuleAsyncOptions, string])[] = [
  ['REQUEST', () => asyncOptions([REQUEST]), 'request-scoped provider: DpopModule → REQUEST.'],
  [
    'an optional REQUEST',
    () => asyncOptions([{ token: REQUEST, optional: true }]),
    'request-scoped provider: DpopModule → REQUEST.',
  ],
  [
    'useClass that injects REQUEST',
    () => ({ useClass: SettingsByRequest }),
    'request-scoped provider: DpopModule → SettingsByRequest → REQUEST.',
  ],
  [
    'useClass of a request-scoped class',
    () => ({ useClass: ScopedSettings }),
    'request-scoped provider: DpopModule → ScopedSettings.',
  ],
  [
    'useClass of a durable class',
    () => ({ useClass: DurableSettings }),
    'durable provider: DpopModule → DurableSettings.',
  ],
  [
    'useClass of a transient class',
    () => ({ useClass: TransientSettings }),
    'transient provider: DpopModule → TransientSettings.',
  ],
  [
    'useExisting of a request-scoped class',
    () => ({ imports: [SettingsModule], useExisting: ScopedSettings }),
    'request-scoped provider: DpopModule → ScopedSettings.',
  ],
  [
    'useExisting of a durable class',
    () => ({ imports: [DurableModule], useExisting: DurableSettings }),
    'durable provider: DpopModule → DurableSettings.',
  ],
  [
    'an alias of a request-scoped class',
    () => asyncOptions(['alias'], [SettingsModule]),
    'request-scoped provider: DpopModule → alias → ScopedSettings.',
  ],
  [
    'a scoped factory behind a property, a forward reference and a module that exports another',
    () => asyncOptions([NearSettings], [ReexportingModule]),
    'request-scoped provider: DpopModule → NearSettings → FarSettings → tenant.',
  ],
];

describe.each(PLATFORMS)('I1 options that are not one for the app do not start, on %s', (platform) => {
  const rows = SCOPED.flatMap(([name, dpop, words]) =>
    BINDINGS.map(([binding, parts]) => [name, binding, dpop, words, parts] as const),
  );

  test.each(rows)('%s, with %s', async (_name, _binding, dpop, words, parts) => {
    const message = await failureOf(platform, root({ ...parts, dpop: DpopModule.forRootAsync(dpop()) }));
    expect(message).toMatch(/^The options of DpopModule must be one for the whole app/);
    expect(message).toContain(words);
    expect(message).toMatch(/singleton.*origin: \(request\) => … or into an AccessTokenVerifier/);
  });

  test('singletons behind the same shapes start, and a replay is refused', async () => {
    @Injectable()
    class Settings implements DpopOptionsFactory {
      constructor(@Inject('tenant') readonly tenant: unknown) {}

      createDpopOptions(): DpopModuleOptions {
        return options();
      }
    }
    @Module({
      providers: [Settings, { provide: 'tenant', useFactory: () => 'tenant' }],
      exports: [Settings],
    })
    class SingletonModule {}

    const app = await startApp(
      platform,
      root({
        dpop: DpopModule.forRootAsync({ imports: [SingletonModule], useExisting: Settings }),
        controllers: [GuardedController],
      }),
    );
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
  });

  test('a request-scoped controller and a request-scoped guard of the app start, and have one memory', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends DpopGuard {}

    @Controller({ scope: Scope.REQUEST })
    @UseGuards(ScopedGuard)
    class ScopedController {
      @Get()
      read(@DpopBound() jkt: string): string {
        return jkt;
      }
    }
    const app = await startApp(platform, root({ controllers: [ScopedController] }));
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
  });
});

describe('I1 in every kind of app', () => {
  const scoped = () => DpopModule.forRootAsync({ useClass: SettingsByRequest });

  test('an application context', async () => {
    const starting = NestFactory.createApplicationContext(root({ dpop: scoped() }), {
      logger: false,
      abortOnError: false,
    });
    await expect(starting).rejects.toThrow(/DpopModule → SettingsByRequest → REQUEST/);
  });

  test('a testing module, before it is initialised', async () => {
    const compiling = Test.createTestingModule({ imports: [root({ dpop: scoped() })] }).compile();
    await expect(compiling).rejects.toThrow(/DpopModule → SettingsByRequest → REQUEST/);
  });

  test('a module that is loaded lazily, whose hooks Nest does not call', async () => {
    @Module({})
    class HostModule {}
    const context = await NestFactory.createApplicationContext(HostModule, {
      logger: false,
      abortOnError: false,
    });
    const loading = context.get(LazyModuleLoader).load(scoped);
    await expect(loading).rejects.toThrow(/DpopModule → SettingsByRequest → REQUEST/);
    await context.close();
  });

  test('a request-scoped provider that the options do not depend on does no harm', async () => {
    const dpop: DynamicModule = DpopModule.forRoot(options());
    const providers = [
      ...(dpop.providers ?? []),
      { provide: 'per request', scope: Scope.REQUEST, useFactory: () => 1 },
    ];
    const context = await NestFactory.createApplicationContext(
      { ...dpop, providers },
      { logger: false, abortOnError: false },
    );
    expect(await context.resolve('per request', ContextIdFactory.create(), { strict: false })).toBe(1);
    await context.close();
  });
});

@Injectable()
class RequestReader {
  constructor(@Inject(REQUEST) readonly request: unknown) {}
}

@Injectable()
class ReadingGuard extends DpopGuard {
  @Inject(RequestReader)
  readonly reader!: RequestReader;
}

describe.each(PLATFORMS)('I1 a global guard that Nest would leave out does not start, on %s', (platform) => {
  const bindings: readonly (readonly [string, Provider])[] = [
    ['useExisting', { provide: APP_GUARD, useExisting: ReadingGuard }],
    ['useClass', { provide: APP_GUARD, useClass: ReadingGuard }],
    [
      'useFactory',
      { provide: APP_GUARD, inject: [ReadingGuard], useFactory: (guard: ReadingGuard) => guard },
    ],
  ];

  test.each(bindings)('%s of a guard whose dependency is request-scoped', async (_name, binding) => {
    const providers = [RequestReader, ReadingGuard, binding];
    const starting = startApp(platform, root({ controllers: [PlainController], providers }));
    // The newest versions of Nest say so themselves.
    await expect(starting).rejects.toThrow(/APP_GUARD/);
  });

  test('useClass of a guard that is request-scoped itself works', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGuard extends DpopGuard {}
    const providers = [{ provide: APP_GUARD, useClass: ScopedGuard }];
    const app = await startApp(platform, root({ controllers: [PlainController], providers }));
    expect(await call(app, client)).toMatchObject({ status: 401 });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
  });
});

/** Demands on handlers, and what the error calls them. */
const DEMANDS: readonly (readonly [string, ClassDecorator & MethodDecorator])[] = [
  ['@RequireScopes', RequireScopes('read')],
  ['@RequireAuthentication', RequireAuthentication({ maxAgeSeconds: 60 })],
  ['@Dpop', Dpop()],
];

function onHandler(...decorators: readonly MethodDecorator[]): Type {
  @Controller()
  class LonelyController {
    @Get()
    transfer(): string {
      return 'transfer';
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(LonelyController.prototype, 'transfer');
  for (const decorator of decorators) decorator(LonelyController.prototype, 'transfer', descriptor ?? {});
  return LonelyController;
}

function onClass(...decorators: readonly ClassDecorator[]): Type {
  const type = onHandler();
  for (const decorator of decorators) decorator(type);
  return type;
}

@Controller()
class BoundController {
  @Get()
  transfer(@DpopBound() jkt: string): string {
    return jkt;
  }
}

/** A guard that asks ours among others: it injects it. */
@Injectable()
class EitherGuard implements CanActivate {
  constructor(@Inject(DpopGuard) private readonly dpop: DpopGuard) {}

  canActivate(context: ExecutionContext): Promise<boolean> {
    return this.dpop.canActivate(context);
  }
}

class HoldingGuard implements CanActivate {
  constructor(private readonly guards: readonly CanActivate[]) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return this.guards[0]?.canActivate(context) as Promise<boolean>;
  }
}

class AuditedGuard extends DpopGuard {}

class YesGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

describe.each(PLATFORMS)('I2 a demand without a guard does not start, on %s', (platform) => {
  const rows: readonly (readonly [string, Type, string])[] = [
    ...DEMANDS.flatMap(([name, demand]): (readonly [string, Type, string])[] => [
      [`${name} on a handler`, onHandler(demand), `LonelyController.transfer (${name})`],
      [`${name} on a class`, onClass(demand), `LonelyController.transfer (${name})`],
      [
        `${name} on a base class`,
        class SubController extends onClass(demand) {},
        `SubController.transfer (${name})`,
      ],
    ]),
    ['@DpopBound', BoundController, 'BoundController.transfer (@DpopBound)'],
    [
      'a guard of another kind',
      onClass(RequireScopes('read'), UseGuards(YesGuard)),
      'LonelyController.transfer (@RequireScopes)',
    ],
  ];

  test.each(rows)('%s', async (_name, controller, words) => {
    const message = await failureOf(platform, root({ controllers: [controller] }));
    expect(message).toMatch(/^No DpopGuard covers these handlers, and their decorators enforce nothing: /);
    expect(message).toContain(words);
    expect(message).toMatch(/Add @UseGuards\(DpopGuard\).*APP_GUARD.*unguardedRoutes: 'warn'/);
  });

  test('a guard on an overridden handler, which Nest forgets', async () => {
    class Base {
      @UseGuards(DpopGuard)
      @Get()
      read(): string {
        return 'base';
      }
    }
    @Controller()
    class Sub extends Base {
      @Get()
      override read(): string {
        return 'sub';
      }
    }
    const message = await failureOf(platform, root({ controllers: [Sub] }));
    expect(message).toContain('Sub.read (@UseGuards on the overridden handler)');
  });

  test('each of several handlers is named, and no handler that is covered', async () => {
    @Controller()
    class MixedController {
      @Get('a')
      @RequireScopes('read')
      @UseGuards(DpopGuard)
      guarded(): void {}

      @Get('b')
      @RequireScopes('read')
      first(): void {}

      @Get('c')
      @Dpop({ nonce: 'required' })
      @RequireScopes('read')
      second(@DpopBound() jkt: string): string {
        return jkt;
      }

      @Get('d')
      undemanding(): void {}
    }
    const message = await failureOf(platform, root({ controllers: [MixedController] }));
    expect(message).toContain(
      'enforce nothing: MixedController.first (@RequireScopes), MixedController.second (@Dpop, @RequireScopes, @DpopBound). Add',
    );
  });

  test('a handler of a kind that Nest does not know', async () => {
    @Injectable()
    class ToolProvider {
      @SetMetadata('tool', 'transfer')
      @RequireScopes('read')
      transfer(): void {}
    }
    const message = await failureOf(platform, root({ providers: [ToolProvider] }));
    expect(message).toContain('ToolProvider.transfer (@RequireScopes)');
  });

  const demanding = onHandler(RequireScopes('read'));
  const covered: readonly (readonly [string, RootParts, StartOptions['before']?])[] = [
    ['on the handler', { controllers: [onHandler(RequireScopes('read'), UseGuards(DpopGuard))] }],
    ['on the class', { controllers: [onClass(RequireScopes('read'), UseGuards(DpopGuard))] }],
    ['on a base class', { controllers: [class Sub extends onClass(Dpop(), UseGuards(DpopGuard)) {}] }],
    ['that extends ours', { controllers: [onClass(RequireScopes('read'), UseGuards(AuditedGuard))] }],
    ['that injects ours', { controllers: [onClass(RequireScopes('read'), UseGuards(EitherGuard))] }],
    [
      'by APP_GUARD, useExisting',
      { controllers: [demanding], providers: [{ provide: APP_GUARD, useExisting: DpopGuard }] },
    ],
    [
      'by APP_GUARD, useClass',
      { controllers: [demanding], providers: [{ provide: APP_GUARD, useClass: AuditedGuard }] },
    ],
    [
      'by APP_GUARD, useFactory, in another one',
      {
        controllers: [demanding],
        providers: [
          {
            provide: APP_GUARD,
            inject: [DpopGuard],
            useFactory: (guard: DpopGuard) => new HoldingGuard([guard]),
          },
        ],
      },
    ],
    ['by useGlobalGuards', { controllers: [demanding] }, (nest) => nest.useGlobalGuards(nest.get(DpopGuard))],
    [
      'by useGlobalGuards, in another one',
      { controllers: [demanding] },
      (nest) => nest.useGlobalGuards(new HoldingGuard([nest.get(DpopGuard)])),
    ],
  ];

  test.each(covered)('with a guard %s it starts, and is guarded', async (...[, parts, before]) => {
    const app = await startApp(platform, root(parts), before === undefined ? {} : { before });
    expect(await call(app, client)).toMatchObject({ status: 401 });
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
  });

  test('a handler that is open by @SkipDpop demands nothing', async () => {
    class Base {
      @SkipDpop()
      @Get()
      read(): string {
        return 'read';
      }
    }
    @RequireScopes('read')
    @Controller()
    class Sub extends Base {}
    const app = await startApp(platform, root({ controllers: [Sub] }));
    expect(await call(app, client)).toMatchObject({ status: 200 });
  });

  test("unguardedRoutes: 'warn' starts, and says the same", async () => {
    const logger = new LogCollector();
    const dpop = DpopModule.forRoot(options({ unguardedRoutes: 'warn' }));
    await startApp(platform, root({ dpop, controllers: [demanding] }), { logger });
    const warnings = logger.lines.filter((line) => line.includes('No DpopGuard covers'));
    expect(warnings).toEqual([
      expect.stringMatching(/^warn .*LonelyController\.transfer \(@RequireScopes\)/),
    ]);
  });

  const replacing: readonly (readonly [string, RootParts, 'overrideGuard' | 'overrideProvider'])[] = [
    ['overrideGuard', { controllers: [onClass(Dpop(), UseGuards(DpopGuard))] }, 'overrideGuard'],
    [
      'overrideProvider, of a global guard',
      { controllers: [demanding], providers: [{ provide: APP_GUARD, useExisting: DpopGuard }] },
      'overrideProvider',
    ],
    ['overrideProvider, with no guard at all', { controllers: [demanding] }, 'overrideProvider'],
  ];

  test.each(replacing)('a test that replaces the guard starts: %s', async (_name, parts, override) => {
    const builder = Test.createTestingModule({ imports: [root(parts)] });
    const testing = await builder[override](DpopGuard)
      .useValue({ canActivate: () => true })
      .compile();
    const nest = testing.createNestApplication(adapterOf(platform), { logger: false });
    await nest.listen(0, '127.0.0.1');
    expect((await fetch(await nest.getUrl())).status).toBe(200);
    await nest.close();
  });

  test('an application context has no routes', async () => {
    const context = await NestFactory.createApplicationContext(root({ controllers: [demanding] }), {
      logger: false,
      abortOnError: false,
    });
    await context.close();
  });
});

describe.each(PLATFORMS)('A2 a demand beside @SkipDpop on one class does not start, on %s', (platform) => {
  const guard = { provide: APP_GUARD, useExisting: DpopGuard };
  const all: typeof DEMANDS = [...DEMANDS, ['@UseGuards(DpopGuard)', UseGuards(DpopGuard)]];

  test.each(all)('%s', async (_name, demand) => {
    const own = root({ controllers: [onClass(demand, SkipDpop())], providers: [guard] });
    expect(await failureOf(platform, own)).toMatch(
      /^@SkipDpop\(\) must not stand beside .*: LonelyController\./,
    );
    class Sub extends onClass(SkipDpop(), demand) {}
    const inherited = root({ controllers: [Sub], providers: [guard] });
    expect(await failureOf(platform, inherited)).toMatch(/: LonelyController\. Remove one of them/);
  });

  test.each(all)('%s beside it on one handler starts with a warning, closed', async (_name, demand) => {
    const logger = new LogCollector();
    const controllers = [onHandler(demand, SkipDpop())];
    const app = await startApp(platform, root({ controllers, providers: [guard] }), { logger });
    expect(logger.text).toContain(
      '@SkipDpop() has no effect beside a decorator that requires a proof: LonelyController.transfer.',
    );
    expect(await call(app, client)).toMatchObject({ status: 401 });
  });

  test.each(all)('%s on another class than @SkipDpop starts without a word', async (_name, demand) => {
    const logger = new LogCollector();
    class Sub extends onClass(demand) {}
    SkipDpop()(Sub);
    await startApp(platform, root({ controllers: [Sub], providers: [guard] }), { logger });
    expect(logger.text).not.toContain('@SkipDpop()');
  });
});

describe.each(PLATFORMS)('I3 several registrations on %s', (platform) => {
  const registering = (dpop: DynamicModule): Type => {
    @Module({ imports: [dpop] })
    class FeatureModule {}
    return FeatureModule;
  };

  const pairs: readonly (readonly [string, () => readonly [DynamicModule, DynamicModule]])[] = [
    [
      'forRoot with different options',
      () => [DpopModule.forRoot(options()), DpopModule.forRoot(options({ nonce: 'required' }))],
    ],
    [
      'forRoot with different storages',
      () => [
        DpopModule.forRoot(options({ storage: new MemoryStorage() })),
        DpopModule.forRoot(options({ storage: new MemoryStorage() })),
      ],
    ],
    [
      'forRoot and forRootAsync',
      () => [DpopModule.forRoot(options()), DpopModule.forRootAsync({ useFactory: () => options() })],
    ],
    [
      'forRootAsync twice',
      () => [
        DpopModule.forRootAsync({ useFactory: () => options() }),
        DpopModule.forRootAsync({ useFactory: () => options({ bearer: 'allow-unbound' }) }),
      ],
    ],
  ];

  test.each(pairs)('%s: neither wins, and both places are named', async (_name, make) => {
    const [first, second] = make();
    const module = root({ dpop: first, imports: [registering(second)], controllers: [GuardedController] });
    const message = await failureOf(platform, module);
    expect(message).toMatch(/^DpopModule is registered globally 2 times/);
    expect(message).toContain('in the imports of RootModule and of FeatureModule');
    expect(message).toContain('isGlobal: false');
  });

  test('equal options are one registration, with one memory', async () => {
    const dpop = () => DpopModule.forRoot(options({ proof: { maxAgeSeconds: 30 } }));
    @Module({ imports: [dpop()], controllers: [GuardedController] })
    class FeatureModule {}
    const app = await startApp(platform, root({ dpop: dpop(), imports: [FeatureModule] }));
    const proof = await proofFor(client, { token });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, proof })).toMatchObject({ status: 401 });
    expect(dpop()).toBe(dpop());
  });

  test('the same module imported in several places is one registration', async () => {
    const dpop = DpopModule.forRootAsync({ useFactory: () => options() });
    const app = await startApp(platform, root({ dpop, imports: [registering(dpop)] }));
    await app.nest.close();
  });

  test('isGlobal: false registers options for a part of the app', async () => {
    const dpop = DpopModule.forRoot(options({ isGlobal: false, nonce: 'required' }));
    @Controller('part')
    @UseGuards(DpopGuard)
    class PartController {
      @Get()
      read(): string {
        return 'part';
      }
    }
    @Module({ imports: [dpop], controllers: [PartController] })
    class PartModule {}
    const app = await startApp(platform, root({ imports: [PartModule], controllers: [GuardedController] }));
    expect(await call(app, client, { token })).toMatchObject({ status: 200 });
    expect(await call(app, client, { token, path: '/part' })).toMatchObject({ code: 'use_dpop_nonce' });
  });
});

describe.each(PLATFORMS)('I4 the module imported as it is, on %s', (platform) => {
  const words =
    /^DpopModule was imported without options \(DPOP_MODULE_OPTIONS\): import DpopModule\.forRoot\(\{ origin, accessToken \}\).*other modules need not import it/;

  test('alone', async () => {
    expect(await failureOf(platform, root({ dpop: DpopModule, controllers: [GuardedController] }))).toMatch(
      words,
    );
  });

  test('in a module of an app that has it globally', async () => {
    @Module({ imports: [DpopModule] })
    class FeatureModule {}
    expect(await failureOf(platform, root({ imports: [FeatureModule] }))).toMatch(words);
  });
});
