import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  Controller,
  type DynamicModule,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Module,
  type Provider,
  Scope,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, ContextIdFactory, LazyModuleLoader, NestFactory, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleAsyncOptions,
  type DpopModuleOptions,
  type DpopOptionsFactory,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, proofFor } from './support/call.js';
import { GuardedController } from './support/guarded.controller.js';
import { withOrigin } from './support/origin.js';
import { PLATFORMS } from './support/platforms.js';
import { createRootModule, type RootParts } from './support/root-module.js';
import { closeApps, startApp } from './support/running-app.js';
import { startFailureOf } from './support/start-failure.js';

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
class PlainController {
  @Get()
  read(): string {
    return 'read';
  }
}

const root = (parts: Partial<RootParts>): DynamicModule =>
  createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [], ...parts });

/** The bindings of the guard, each of which is a way of its own to go wrong. */
const BINDINGS: readonly (readonly [string, Partial<RootParts>])[] = [
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

describe.each(PLATFORMS)('options that are not one for the app do not start, on %s (I1)', (platform) => {
  const rows = SCOPED.flatMap(([name, dpop, words]) =>
    BINDINGS.map(([binding, parts]) => [name, binding, dpop, words, parts] as const),
  );

  test.each(rows)('%s, with %s', async (_name, _binding, dpop, words, parts) => {
    const message = await startFailureOf(platform, root({ ...parts, dpop: DpopModule.forRootAsync(dpop()) }));
    expect(message).toMatch(/^The options of DpopModule must be one for the whole app/);
    expect(message).toContain(words);
    expect(message).toMatch(
      /singleton.*origin: \(request\) => …, and .* into accessToken: \{ resolveIssuer, tenantOf \}/,
    );
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

describe('in every kind of app (I1)', () => {
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

describe.each(PLATFORMS)(
  'a global guard that Nest would leave out does not start, on %s (I1)',
  (platform) => {
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
  },
);
