import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type CanActivate,
  Controller,
  type DynamicModule,
  type ExecutionContext,
  Get,
  Inject,
  Injectable,
  SetMetadata,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  Require,
  RequireAnyRole,
  RequireAnyScope,
  RequireAuthentication,
  RequireAuthorizationDetails,
  RequirePermissions,
  RequireRoles,
  RequireScopes,
  SkipDpop,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call } from './support/call.js';
import { LogCollector } from './support/log-collector.js';
import { withOrigin } from './support/origin.js';
import { adapterOf, PLATFORMS } from './support/platforms.js';
import { createRootModule, type RootParts } from './support/root-module.js';
import { closeApps, startApp, type StartOptions } from './support/running-app.js';
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

const root = (parts: Partial<RootParts>): DynamicModule =>
  createRootModule({ dpop: DpopModule.forRoot(options()), controllers: [], ...parts });

/** Demands on handlers, and what the error calls them. */
const DEMANDS: readonly (readonly [string, ClassDecorator & MethodDecorator])[] = [
  ['@RequireScopes', RequireScopes('read')],
  ['@RequireAnyScope', RequireAnyScope('read')],
  ['@RequireRoles', RequireRoles('admin')],
  ['@RequireAnyRole', RequireAnyRole({ client: 'accounts', role: 'editor' })],
  ['@RequirePermissions', RequirePermissions('read')],
  ['@RequireAuthorizationDetails', RequireAuthorizationDetails('payment')],
  ['@RequireAuthentication', RequireAuthentication({ maxAgeSeconds: 60 })],
  ['@Require', Require(() => true)],
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

describe.each(PLATFORMS)('a demand without a guard does not start, on %s (I2)', (platform) => {
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
    const message = await startFailureOf(platform, root({ controllers: [controller] }));
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
    const message = await startFailureOf(platform, root({ controllers: [Sub] }));
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
    const message = await startFailureOf(platform, root({ controllers: [MixedController] }));
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
    const message = await startFailureOf(platform, root({ providers: [ToolProvider] }));
    expect(message).toContain('ToolProvider.transfer (@RequireScopes)');
  });

  const demanding = onHandler(RequireScopes('read'));
  const covered: readonly (readonly [string, Partial<RootParts>, StartOptions['before']?])[] = [
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

  const replacing: readonly (readonly [string, Partial<RootParts>, 'overrideGuard' | 'overrideProvider'])[] =
    [
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

describe.each(PLATFORMS)('a demand beside @SkipDpop on one class does not start, on %s (I3)', (platform) => {
  const guard = { provide: APP_GUARD, useExisting: DpopGuard };
  const all: typeof DEMANDS = [...DEMANDS, ['@UseGuards(DpopGuard)', UseGuards(DpopGuard)]];

  test.each(all)('%s', async (_name, demand) => {
    const own = root({ controllers: [onClass(demand, SkipDpop())], providers: [guard] });
    expect(await startFailureOf(platform, own)).toMatch(
      /^@SkipDpop\(\) must not stand beside .*: LonelyController\./,
    );
    class Sub extends onClass(SkipDpop(), demand) {}
    const inherited = root({ controllers: [Sub], providers: [guard] });
    expect(await startFailureOf(platform, inherited)).toMatch(/: LonelyController\. Remove one of them/);
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
