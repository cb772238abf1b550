import { beforeEach, describe, expect, test } from '@jest/globals';
import { Get, Logger, Scope, SetMetadata, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD, type ApplicationConfig, type HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { Dpop, SkipDpop } from '../guard/policy.decorators.js';
import { markVerifying } from '../handshake/verifying-adapter.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { StartUpCheck } from './start-up-check.js';

let lines: string[];
const write =
  (level: string) =>
  (text: unknown, ...rest: unknown[]): void =>
    void lines.push(`${level} [${String(rest.at(-1))}] ${String(text)}`);
Logger.overrideLogger({ log: write('log'), warn: write('warn'), error: write('error') });

beforeEach(() => {
  lines = [];
});

class Unguarded {
  @RequireScopes('read')
  @Get()
  read(): void {}

  @RequireScopes('read')
  @Get()
  list(): void {}
}

const guard: unknown = Object.create(DpopGuard.prototype);

interface Registration {
  readonly isGlobal?: boolean;
  readonly unguardedRoutes?: 'error' | 'warn';
  readonly guardInstance?: unknown;
  readonly options?: object;
  readonly isStatic?: boolean;
  readonly providers?: readonly (readonly [unknown, object])[];
  /** What `fapi2` sets. */
  readonly forbids?: { readonly forbidsBearer?: boolean; readonly forbidsTickets?: boolean };
}

type Module = NonNullable<ReturnType<ModulesContainer['get']>>;

interface App {
  /** The names of modules that import each registration, beside or instead of the root module. */
  readonly importers?: readonly string[];
  readonly registrations?: readonly Registration[];
  readonly controllers?: readonly Type[];
  readonly providers?: readonly (readonly [unknown, object])[];
  readonly hasServer?: boolean;
  /** Whether Nest announced the server of a microservice. */
  readonly isMicroservice?: boolean;
  readonly globalGuards?: readonly object[];
  /** The adapter for sockets. */
  readonly adapter?: object;
}

/** An app as Nest has it in its container: the root module imports each registration. */
function containerOf({
  registrations = [{}],
  controllers = [Unguarded],
  providers = [],
  importers = ['RootModule'],
}: App) {
  const InternalCoreModule = {
    metatype: class InternalCoreModule {},
    providers: new Map(),
    imports: new Set(),
    exports: new Set(),
  };
  const modules = registrations.map(
    ({
      isGlobal = true,
      unguardedRoutes = 'error',
      guardInstance = guard,
      options,
      isStatic = true,
      forbids,
      providers: more = [],
    }) => ({
      metatype: class DpopModule {},
      isGlobal,
      imports: new Set([InternalCoreModule]),
      exports: new Set(),
      controllers: new Map(),
      injectables: new Map(),
      providers: new Map<unknown, object>([
        [
          DPOP_CONFIG,
          {
            token: DPOP_CONFIG,
            instance: { unguardedRoutes, ...forbids },
            isDependencyTreeStatic: () => isStatic,
          },
        ],
        [MODULE_OPTIONS_TOKEN, { token: MODULE_OPTIONS_TOKEN, metatype: null, ...options }],
        [DpopGuard, { token: DpopGuard, instance: guardInstance, metatype: DpopGuard }],
        ...more,
      ]),
    }),
  );
  // A module may import one registration for a part of the app.
  const imported = modules.filter(({ isGlobal }, index) => isGlobal || index === 0);
  const root = {
    metatype: class RootModule {},
    isGlobal: false,
    // Behind the modules that it imports by name, Nest adds the global ones.
    imports: new Set([
      ...(importers.includes('RootModule') ? imported : []),
      InternalCoreModule,
      ...imported,
    ]),
    exports: new Set(),
    controllers: new Map(controllers.map((metatype) => [metatype, { metatype }])),
    injectables: new Map(),
    providers: new Map(providers),
  };
  const others = importers
    .filter((name) => name !== 'RootModule')
    .map((name) => ({
      ...root,
      metatype: { name },
      imports: new Set([...imported, InternalCoreModule]),
      controllers: new Map(),
      providers: new Map(),
    }));
  return { root, modules, others };
}

/** Creates the check of each registration, then starts the app. */
function start(app: App = {}): void {
  const { root, modules, others } = containerOf(app);
  const container = new ModulesContainer();
  for (const [index, module] of [root, ...others, ...modules].entries())
    container.set(String(index), module as unknown as Module);
  const { hasServer = true, isMicroservice = false, globalGuards = [], adapter } = app;
  if (isMicroservice) container.addRpcTarget({});
  const checks = modules.map(({ providers }) => {
    const check = new StartUpCheck(
      container,
      { getGlobalGuards: () => globalGuards, getIoAdapter: () => adapter } as unknown as ApplicationConfig,
      { httpAdapter: hasServer ? {} : undefined } as unknown as HttpAdapterHost,
    );
    providers.set(StartUpCheck, { token: StartUpCheck, instance: check });
    return check;
  });
  for (const check of checks) check.onModuleInit();
}

const UNGUARDED =
  'No DpopGuard covers these handlers, and their decorators enforce nothing: Unguarded.read (@RequireScopes), Unguarded.list (@RequireScopes). ' +
  'Add @UseGuards(DpopGuard) to the handler or its class, or { provide: APP_GUARD, useExisting: DpopGuard } to the providers of a module. ' +
  'Beside HTTP, handlers of messages and tools of MCP need @UseGuards, because global guards reach them only with inheritAppConfig: true';

describe('an app with handlers that no guard covers (I2)', () => {
  test('does not start, and is told what to do', () => {
    expect(() => start()).toThrow(
      new TypeError(
        `${UNGUARDED}. If another guard of the app calls DpopGuard, set unguardedRoutes: 'warn' to start with a warning`,
      ),
    );
  });

  test('starts with one warning where every registration allows it', () => {
    const warn = { unguardedRoutes: 'warn', isGlobal: false } as const;
    start({ registrations: [warn, warn] });
    expect(lines).toEqual([
      `warn [DpopModule] ${UNGUARDED}. If another guard of the app calls DpopGuard, ignore this warning`,
    ]);
    expect(() => start({ registrations: [warn, { isGlobal: false }] })).toThrow(TypeError);
  });

  test('starts in silence without a server, or with a guard that a test has replaced', () => {
    start({ hasServer: false });
    start({ registrations: [{ guardInstance: { canActivate: () => true } }] });
    start({ registrations: [{ isGlobal: false }, { isGlobal: false, guardInstance: {} }] });
    start({ controllers: [] });
    expect(lines).toStrictEqual([]);
  });
});

describe('an app with handlers of messages (I2)', () => {
  class Messages {
    @RequireScopes('read')
    @SetMetadata('microservices:pattern', ['sum'])
    sum(): void {}
  }
  const global = [['global', { token: `${APP_GUARD} (UUID: 1)`, metatype: DpopGuard }]] as const;
  const app = { controllers: [Messages], providers: global };

  test('that has HTTP, too, does not start with a global guard, which may not reach them', () => {
    expect(() => start(app)).toThrow(/Messages\.sum \(@RequireScopes\).*inheritAppConfig/);
    expect(() => start({ ...app, isMicroservice: true })).toThrow(TypeError);
  });

  test('that is a microservice starts with a global guard, and not without one', () => {
    const alone = { hasServer: false, isMicroservice: true };
    start({ ...app, ...alone });
    expect(() => start({ ...app, ...alone, providers: [] })).toThrow(TypeError);
  });
});

describe('an app with routes that are looser than the service (I3, K1)', () => {
  class Accounts {
    @Get()
    read(): void {}
  }
  const loosened = (policy: Parameters<typeof Dpop>[0]): App => {
    @Dpop(policy)
    class Loose extends Accounts {}
    @Dpop(policy)
    class Another extends Accounts {}
    return { controllers: [Loose, Another], globalGuards: [guard as object] };
  };
  const FORBIDDEN =
    "must not stand in an app with the option bearer: 'forbid', which fapi2 sets: Loose, Another. ";

  test.each([
    [
      { bearer: 'allow-unbound' },
      { forbidsBearer: true },
      `@Dpop({ bearer: 'allow-unbound' }) ${FORBIDDEN}Remove it there, or set bearer: 'reject', with which routes may allow Bearer`,
    ],
    [
      { enforcement: 'report' },
      { forbidsBearer: true },
      `@Dpop({ enforcement: 'report' }) ${FORBIDDEN}It lets Bearer through. Remove it there, or set bearer: 'reject'`,
    ],
    [
      { ticket: 'allow' },
      { forbidsTickets: true },
      "@Dpop({ ticket: 'allow' }) must not stand in an app with the option tickets: 'forbid', which fapi2 sets: Loose, Another. Remove it there, or leave the option out",
    ],
  ] as const)('%j does not start where one registration forbids it', (policy, forbids, message) => {
    const app = loosened(policy);
    expect(() => start({ ...app, registrations: [{ forbids }] })).toThrow(new TypeError(message));
    expect(() => start({ ...app, registrations: [{}, { isGlobal: false, forbids }] })).toThrow(
      new TypeError(message),
    );
    start({ ...app, registrations: [{ forbids: { forbidsBearer: false, forbidsTickets: false } }] });
    start({ ...app, controllers: [Accounts], registrations: [{ forbids }] });
  });

  test('starts with a warning if they only report', () => {
    start(loosened({ enforcement: 'report' }));
    expect(lines).toEqual([
      "warn [DpopModule] @Dpop({ enforcement: 'report' }) lets every request through: Loose, Another. Remove it once the log is quiet",
    ]);
    start(loosened({ bearer: 'allow-unbound', ticket: 'allow' }));
    expect(lines).toHaveLength(1);
  });
});

describe('an app with gateways (J1)', () => {
  @RequireScopes('feed')
  @WebSocketGateway()
  class FeedGateway {
    @SubscribeMessage('read')
    read(): void {}

    @SubscribeMessage('list')
    list(): void {}
  }

  @WebSocketGateway()
  class PlainGateway {
    @SubscribeMessage('read')
    read(): void {}

    @SubscribeMessage('list')
    list(): void {}
  }

  @WebSocketGateway()
  class HookedGateway {
    @RequireScopes('feed')
    handleConnection(): void {}

    @RequireScopes('feed')
    handleDisconnect(): void {}
  }

  const gateway = (type: Type): App => ({ controllers: [], providers: [[type, { metatype: type }]] });
  const globalGuards = [guard as object];

  test('does not start if only a global guard covers what a gateway requires', () => {
    expect(() => start({ ...gateway(FeedGateway), globalGuards })).toThrow(
      'No DpopGuard covers these messages of gateways, and their decorators enforce nothing: FeedGateway.read (@RequireScopes), FeedGateway.list (@RequireScopes). ' +
        'Add @UseGuards(DpopGuard) to the handler or its class: Nest 11 runs no global guard for messages. ' +
        'What a class requires, the adapters nestjs-dpop/platform-ws and nestjs-dpop/platform-socket.io also verify at the handshake',
    );
  });

  test('starts with an adapter that verifies handshakes', () => {
    const adapter = {};
    markVerifying(adapter);
    start({ ...gateway(FeedGateway), adapter });
    start({ ...gateway(PlainGateway), adapter, globalGuards });
    expect(lines).toStrictEqual([]);
  });

  test('starts with a warning if a gateway that requires nothing has only a global guard', () => {
    start(gateway(PlainGateway));
    expect(lines).toStrictEqual([]);
    start({ ...gateway(PlainGateway), globalGuards });
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn \[DpopModule\] Only a global guard covers .*: PlainGateway\.read, PlainGateway\.list\. Use the adapter/,
      ),
    ]);
  });

  test.each([[{}], [undefined]])(
    'does not start if @DpopBound has no verdict on an open gateway',
    (adapter) => {
      @SkipDpop()
      @WebSocketGateway()
      class OpenGateway {
        @SubscribeMessage('read')
        read(@DpopBound() _jkt: string): void {}

        @UseGuards(DpopGuard)
        @SubscribeMessage('list')
        list(@DpopBound() _jkt: string): void {}

        @SubscribeMessage('plain')
        plain(): void {}
      }
      if (adapter !== undefined) markVerifying(adapter);
      const parts = adapter === undefined ? {} : { adapter };
      expect(() => start({ ...gateway(OpenGateway), ...parts })).toThrow(
        /enforce nothing: OpenGateway\.read \(@DpopBound\)\. Add @UseGuards\(DpopGuard\)/,
      );
    },
  );

  test('does not start if a hook requires something', () => {
    expect(() => start({ ...gateway(HookedGateway), globalGuards })).toThrow(
      /^Nest runs no guard for these hooks of gateways, .*: HookedGateway\.handleConnection \(@RequireScopes\), HookedGateway\.handleDisconnect \(@RequireScopes\)\. Move/,
    );
  });
});

describe('an app with messages beside HTTP (I2)', () => {
  class MessageGuard extends DpopGuard {
    override getRequest(): object {
      return {};
    }
  }

  class Orders {
    @MessagePattern('list')
    list(): void {}

    @SkipDpop()
    @MessagePattern('open')
    open(): void {}

    @UseGuards(MessageGuard)
    @MessagePattern('guarded')
    guarded(): void {}

    @MessagePattern('count')
    count(): void {}

    @Get()
    read(): void {}
  }
  const globalGuards = [guard as object];

  test('starts with a warning if a message that requires nothing has only a global guard', () => {
    start({ controllers: [Orders] });
    expect(lines).toStrictEqual([]);
    start({ controllers: [Orders], globalGuards });
    expect(lines).toEqual([
      'warn [DpopModule] Only a global guard covers these messages; Nest applies it to messages only with inheritAppConfig: Orders.list, Orders.count. ' +
        'Add @UseGuards with the guard to the handler or its class, which works with inheritAppConfig and without it; @SkipDpop() says that a message is open',
    ]);
  });

  test('starts with a warning if the guard of a message knows HTTP alone, and not for a tool of MCP', () => {
    class Audited extends DpopGuard {}

    @UseGuards(DpopGuard)
    class Refused {
      @MessagePattern('list')
      list(): void {}

      @UseGuards(guard as DpopGuard)
      @EventPattern('happened')
      happened(_data: object): void {}

      @SkipDpop()
      @MessagePattern('open')
      open(): void {}

      @MessagePattern('tool', { mcpType: 'tool' })
      tool(): void {}

      @Get()
      read(): void {}
    }
    class Own {
      @UseGuards(Audited)
      @MessagePattern('own')
      own(): void {}
    }
    start({ controllers: [Refused, Own] });
    expect(lines).toEqual([
      'warn [DpopModule] DpopGuard refuses these messages, because it knows HTTP alone: Refused.list, Refused.happened, Own.own. ' +
        'Bind a DpopMessageGuard of nestjs-dpop/microservices with a baseUrl, or override getRequest and getDpopRequest for a transport of your own',
    ]);
  });

  test('starts without a word where there is no HTTP, and a global guard counts', () => {
    start({ controllers: [Orders], globalGuards, hasServer: false, isMicroservice: true });
    expect(lines).toStrictEqual([]);
  });
});

describe('an app with decorators that contradict each other (I3)', () => {
  test('does not start if they stand on one class', () => {
    @RequireScopes('read')
    @SkipDpop()
    class Both {}
    @RequireScopes('read')
    @SkipDpop()
    class Again {}
    expect(() => start({ controllers: [Both, Again] })).toThrow(
      new TypeError(
        '@SkipDpop() must not stand beside a decorator that requires a proof on one class: Both, Again. ' +
          'Remove one of them, or move it to the handlers that it is meant for',
      ),
    );
  });

  test('starts with a warning if they stand on one handler', () => {
    class Both {
      @RequireScopes('read')
      @SkipDpop()
      @Get()
      one(): void {}

      @RequireScopes('read')
      @SkipDpop()
      @Get()
      other(): void {}
    }
    const providers = [['global', { token: `${APP_GUARD} (UUID: 1)`, metatype: DpopGuard }]] as const;
    start({ controllers: [Both], providers });
    expect(lines).toEqual([
      'warn [DpopModule] @SkipDpop() has no effect beside a decorator that requires a proof: Both.one, Both.other. Remove one of them',
    ]);
  });
});

describe('registrations that cannot be (I1, I3)', () => {
  const scoped = { metatype: () => 0, inject: [], scope: Scope.REQUEST };
  const one = 'The options of DpopModule must be one for the whole app, but they depend on ';
  const way =
    'Each request would have its own replay store. Inject singletons only, such as ConfigService, and give each provider on the way Scope.DEFAULT, which makes it a singleton; ' +
    'put what differs from request to request into origin: (request) => …, and the issuers of tenants into accessToken: { resolveIssuer, tenantOf }';

  test('are those whose options depend on the request, by their definition or as Nest reports it', () => {
    expect(() => start({ registrations: [{ options: scoped }] })).toThrow(
      new TypeError(`${one}a request-scoped provider: DpopModule. ${way}`),
    );
    expect(() => start({ controllers: [], registrations: [{ isStatic: false }] })).toThrow(
      new TypeError(`${one}a scoped provider. ${way}`),
    );
  });

  test('are two that are global: both places are named', () => {
    expect(() => start({ registrations: [{}, {}] })).toThrow(
      new TypeError(
        'DpopModule is registered globally 2 times, with options that differ or come from factories: in the imports of RootModule and of RootModule. ' +
          'Nest would silently use one of them. Import forRoot or forRootAsync once, in the root module. For a part of the app with other options, use isGlobal: false, and import the module that forRoot returned wherever it is needed',
      ),
    );
    expect(() => start({ controllers: [], registrations: [{}, { isGlobal: false }] })).not.toThrow();
  });

  test.each([
    [['RootModule', 'Accounts'], 'RootModule, Accounts'],
    [['Accounts'], 'Accounts'],
    [[], 'a module'],
  ])('are named by the modules that import them by name: %j', (importers, named) => {
    expect(() => start({ registrations: [{}, {}], importers })).toThrow(
      `in the imports of ${named} and of ${named}. `,
    );
  });

  test('name the way to the scoped provider', () => {
    const options = { metatype: () => 0, inject: [StartUpCheck], scope: Scope.DEFAULT };
    const providers = [[StartUpCheck, { metatype: StartUpCheck, scope: Scope.REQUEST }]] as const;
    expect(() => start({ registrations: [{ options, providers }] })).toThrow(
      new TypeError(`${one}a request-scoped provider: DpopModule → StartUpCheck. ${way}`),
    );
  });

  test('are those with a global guard that depends on the request, of which Nest would drop it', () => {
    const token = `${APP_GUARD} (UUID: 1)`;
    const guardWith = (scope: Scope) =>
      [
        ['global', { token, metatype: () => guard, inject: [DpopGuard, 'dependency'] }],
        ['dependency', { metatype: () => 0, inject: [], scope }],
      ] as const;
    const controllers: Type[] = [];
    expect(() => start({ controllers, providers: guardWith(Scope.REQUEST) })).toThrow(
      new TypeError(
        'APP_GUARD must be a singleton, but it depends on a request-scoped provider: APP_GUARD → dependency. ' +
          'Some versions of Nest drop such a guard, and every route is open. Make the guard and its dependencies singletons, or bind the guard with @UseGuards',
      ),
    );
    expect(() => start({ controllers, providers: guardWith(Scope.TRANSIENT) })).not.toThrow();
    expect(() => start({ controllers, providers: guardWith(Scope.DEFAULT) })).not.toThrow();
  });
});
