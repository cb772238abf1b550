import { describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, Param, SetMetadata, type Type, UseGuards } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { Dpop, RequireAuthentication, SkipDpop } from '../guard/policy.decorators.js';
import { RequireAnyScope, RequireScopes } from '../guard/rights.decorators.js';
import type { GuardCoverage } from './guard-coverage.js';
import { type RouteSurvey, surveyDemands, surveyRoutes } from './route-survey.js';

const NOTHING: RouteSurvey = {
  unguarded: [],
  withoutToken: [],
  unguardedMessages: [],
  globallyGuardedMessages: [],
  inheritedGuardMessages: [],
  refusedMessages: [],
  hooks: [],
  contradictoryClasses: [],
  contradictoryHandlers: [],
  bearer: [],
  reporting: [],
  tickets: [],
};

interface Found {
  readonly controllers?: readonly (Type | null)[];
  readonly providers?: readonly (Type | null)[];
  readonly covered?: readonly object[];
  /** Of a guard that `@UseGuards` binds. */
  readonly bound?: readonly object[];
  readonly verifiesHandshakes?: boolean;
  /** Messages that a global guard covers with `inheritAppConfig` alone. */
  readonly inherited?: readonly object[];
  /** Of `DpopProofGuard`. */
  readonly proofs?: readonly object[];
}

/** What stands out in an app with these classes, of which these handlers or classes have the guard. */
function survey({
  controllers = [],
  providers = [],
  covered = [],
  bound = [],
  verifiesHandshakes = false,
  inherited = [],
  proofs = [],
}: Found): RouteSurvey {
  const toMap = (types: readonly (Type | null)[]) =>
    new Map(types.map((metatype) => [metatype, { metatype }]));
  const module = { controllers: toMap(controllers), providers: toMap(providers) };
  const coverage = {
    covers: (handler: object, type: object) => covered.includes(handler) || covered.includes(type),
    coversIfInherited: (handler: object) => inherited.includes(handler),
    refusesMessage: () => false,
    binds: (handler: object, type: object) => bound.includes(handler) || bound.includes(type),
  } as unknown as GuardCoverage;
  return surveyRoutes(
    new Map([['module', module]]) as unknown as ModulesContainer,
    coverage,
    verifiesHandshakes,
    { covers: (handler, type) => proofs.includes(handler) || proofs.includes(type) },
  );
}

class Silent {
  @Get()
  read(): void {}
}

describe('handlers that require a proof without a guard (I2)', () => {
  test('are named with what they require, on each level', () => {
    @Dpop()
    class Base {
      @Get()
      @RequireAuthentication({ maxAgeSeconds: 5 })
      read(@DpopBound() _jkt: string): void {}
    }
    @RequireScopes('read')
    class Sub extends Base {}
    expect(survey({ controllers: [Sub] })).toEqual({
      ...NOTHING,
      unguarded: ['Sub.read (@RequireAuthentication, @RequireScopes, @Dpop, @DpopBound)'],
    });
    expect(survey({ controllers: [Sub], covered: [Sub] })).toEqual(NOTHING);
    expect(survey({ controllers: [Sub], covered: [Base.prototype.read] })).toEqual(NOTHING);
  });

  test('are named once, however often a decorator or a method stands', () => {
    @RequireScopes('far')
    class Base {
      @Get()
      @RequireScopes('own')
      read(): void {}
    }
    @RequireScopes('near')
    class Sub extends Base {
      @Get()
      override read(): void {}
    }
    expect(survey({ controllers: [Sub, Sub], providers: [Sub] }).unguarded).toEqual([
      'Sub.read (@RequireScopes)',
    ]);
  });

  test('include those whose guard stands on an overridden handler, which Nest forgets', () => {
    class Base {
      @UseGuards(DpopGuard)
      @Get()
      read(): void {}
    }
    class Sub extends Base {
      @Get()
      override read(): void {}
    }
    expect(survey({ controllers: [Sub] }).unguarded).toEqual([
      'Sub.read (@UseGuards on the overridden handler)',
    ]);
  });

  describe('of a gateway (J1)', () => {
    @RequireScopes('feed')
    @WebSocketGateway()
    class Gateway {
      @SubscribeMessage('read')
      read(@DpopBound() _jkt: string): void {}

      @RequireScopes('publish')
      @SubscribeMessage('publish')
      publish(): void {}

      handleConnection(): void {}
    }
    const read = 'Gateway.read (@RequireScopes, @DpopBound)';
    const publish = 'Gateway.publish (@RequireScopes)';

    test('are not covered by a global guard, which Nest 11 does not run', () => {
      const found = survey({ providers: [Gateway], covered: [Gateway] });
      expect(found).toEqual({ ...NOTHING, unguardedMessages: [read, publish] });
    });

    test('are covered by @UseGuards', () => {
      expect(survey({ providers: [Gateway], bound: [Gateway] })).toEqual(NOTHING);
      const found = survey({ providers: [Gateway], bound: [Gateway.prototype.publish] });
      expect(found).toEqual({ ...NOTHING, unguardedMessages: [read] });
    });

    test('are met by the handshake as far as the class requires them', () => {
      const found = survey({ providers: [Gateway], verifiesHandshakes: true });
      expect(found).toEqual({ ...NOTHING, unguardedMessages: [publish] });
    });

    test('are not met by a handshake that @SkipDpop opens', () => {
      @SkipDpop()
      @WebSocketGateway()
      class Open {
        @RequireScopes('read')
        @SubscribeMessage('read')
        read(@DpopBound() _jkt: string): void {}

        @SubscribeMessage('open')
        open(): void {}
      }
      const found = survey({ providers: [Open], verifiesHandshakes: true });
      expect(found).toEqual({ ...NOTHING, unguardedMessages: ['Open.read (@RequireScopes, @DpopBound)'] });
    });

    test('are none of a gateway without decorators, but a global guard is not enough for it', () => {
      @WebSocketGateway()
      class Plain {
        @SubscribeMessage('read')
        read(): void {}

        @SkipDpop()
        @SubscribeMessage('open')
        open(): void {}
      }
      const gateway = { providers: [Plain], covered: [Plain] };
      expect(survey(gateway)).toEqual({ ...NOTHING, globallyGuardedMessages: ['Plain.read'] });
      expect(survey({ ...gateway, bound: [Plain] })).toEqual(NOTHING);
      expect(survey({ ...gateway, verifiesHandshakes: true })).toEqual(NOTHING);
      expect(survey({ providers: [Plain] })).toEqual(NOTHING);
    });

    test('are never covered on a hook', () => {
      @WebSocketGateway()
      class Hooked {
        @RequireScopes('read')
        @UseGuards(DpopGuard)
        handleConnection(): void {}

        @UseGuards(DpopGuard)
        afterInit(): void {}
      }
      const covered = [Hooked];
      expect(survey({ providers: [Hooked], covered, bound: covered, verifiesHandshakes: true })).toEqual({
        ...NOTHING,
        hooks: ['Hooked.handleConnection (@RequireScopes, @UseGuards)', 'Hooked.afterInit (@UseGuards)'],
      });
    });
  });

  const entries: readonly (readonly [string, MethodDecorator])[] = [
    ['HTTP', Get()],
    ['messages', SetMetadata('microservices:pattern', ['topic'])],
    ['sockets', SetMetadata('websockets:message_mapping', true)],
    ['GraphQL', SetMetadata('graphql:resolver_type', 'Query')],
  ];

  test.each(entries)('are those of a class with requirements that are for %s', (_kind, entry) => {
    @RequireScopes('read')
    @Injectable()
    class Requiring {
      @entry
      read(): void {}

      ordinary(): void {}
    }
    expect(survey({ providers: [Requiring] }).unguarded).toEqual(['Requiring.read (@RequireScopes)']);
  });

  test('are those of any kind that have a decorator themselves, or a bound parameter', () => {
    const name = Symbol('tool');
    class Tools {
      @RequireScopes('read')
      [name](): void {}

      bound(_other: string, @DpopBound() _jkt: string): void {}

      other(): void {}
    }
    expect(survey({ providers: [Tools] }).unguarded).toEqual([
      'Tools.bound (@DpopBound)',
      'Tools.Symbol(tool) (@RequireScopes)',
    ]);
  });

  test('are none that are open, or that require nothing', () => {
    @RequireScopes('read')
    class Open {
      @SkipDpop()
      @Get()
      read(): void {}
    }
    expect(survey({ controllers: [Open, Silent, null], providers: [null] })).toEqual(NOTHING);
  });

  test('are no getters, no values and no constructors', () => {
    @RequireScopes('read')
    @Controller()
    class Odd {
      get value(): never {
        throw new Error('a getter is not called');
      }
    }
    Object.defineProperty(Odd.prototype, 'text', { value: 'text' });
    SetMetadata('graphql:resolver_type', 'Query')(Odd);
    expect(survey({ controllers: [Odd] })).toEqual(NOTHING);
  });

  test('have no parameters that are bound where their metadata are odd', () => {
    class Odd {
      @Get()
      read(): void {}
    }
    for (const metadata of [null, 'text', { 0: null }, { 0: {} }]) {
      Reflect.defineMetadata('__routeArguments__', metadata, Odd, 'read');
      expect(survey({ controllers: [Odd] })).toEqual(NOTHING);
    }
  });
});

describe('parameters that only an access token fills (I2)', () => {
  class Tools {
    claims(@DpopBound('claims') _claims: object, @DpopBound('subject') _subject: string): void {}

    key(@DpopBound('jkt') _jkt: string): void {}

    @SkipDpop()
    open(@DpopBound('subject') _subject: string): void {}
  }

  test('are required of handlers of any kind, and named with their keys', () => {
    expect(survey({ providers: [Tools] }).unguarded).toEqual([
      "Tools.claims (@DpopBound('subject'), @DpopBound('claims'))",
      'Tools.key (@DpopBound)',
    ]);
  });
});

describe('handlers behind DpopProofGuard alone (G7, I2)', () => {
  @RequireScopes('accounts')
  class Accounts {
    @Dpop()
    @Get()
    read(
      @DpopBound() _jkt: string,
      @DpopBound('claims') _claims: object,
      @DpopBound('claims') _same: object,
    ): void {}

    @SkipDpop()
    @Get('open')
    open(@DpopBound() _jkt: string, @DpopBound('claims') _claims: object): void {}

    @SkipDpop()
    @Get('token')
    token(@DpopBound() _jkt: string): void {}
  }
  const withoutToken = [
    "Accounts.read (@Dpop, @RequireScopes, @DpopBound('claims'))",
    "Accounts.open (@DpopBound('claims'))",
  ];

  test('lack an access token for what they require of it, and are not unguarded', () => {
    expect(survey({ controllers: [Accounts], proofs: [Accounts] })).toEqual({ ...NOTHING, withoutToken });
  });

  test('have one if DpopGuard covers them, too, unless @SkipDpop opens them', () => {
    expect(survey({ controllers: [Accounts], proofs: [Accounts], covered: [Accounts] })).toEqual({
      ...NOTHING,
      withoutToken: withoutToken.slice(1),
    });
    expect(survey({ controllers: [Accounts], covered: [Accounts] })).toEqual(NOTHING);
  });
});

test('a message that a global guard covers only if it is inherited is named once (I2)', () => {
  class Messages {
    @SetMetadata('microservices:pattern', ['plain'])
    plain(): void {}

    @RequireScopes('read')
    @SetMetadata('microservices:pattern', ['scoped'])
    scoped(): void {}

    @SkipDpop()
    @SetMetadata('microservices:pattern', ['open'])
    open(): void {}
  }
  const { plain, scoped, open } = Messages.prototype;
  expect(survey({ controllers: [Messages], inherited: [plain, scoped, open] })).toEqual({
    ...NOTHING,
    unguarded: ['Messages.scoped (@RequireScopes)'],
    inheritedGuardMessages: ['Messages.plain'],
  });
});

describe('decorators that contradict each other (I3)', () => {
  const demands: readonly (readonly [string, ClassDecorator & MethodDecorator])[] = [
    ['@RequireScopes', RequireScopes('read')],
    ['@RequireAuthentication', RequireAuthentication({ maxAgeSeconds: 5 })],
    ['@Dpop', Dpop()],
    ['@UseGuards', UseGuards(DpopGuard)],
  ];

  test.each(demands)('are @SkipDpop and %s on one class, also on a base class', (_what, demand) => {
    @demand
    @SkipDpop()
    class Both extends Silent {}
    class Sub extends Both {}
    const covered = [Both, Sub];
    const both = { ...NOTHING, contradictoryClasses: ['Both'] };
    expect(survey({ controllers: [Both], covered })).toEqual(both);
    expect(survey({ providers: [Sub, Both], covered })).toEqual(both);
  });

  test.each(demands)('are @SkipDpop and %s on one handler', (_what, demand) => {
    class Both {
      @demand
      @SkipDpop()
      @Get()
      read(): void {}
    }
    expect(survey({ controllers: [Both], covered: [Both] })).toEqual({
      ...NOTHING,
      contradictoryHandlers: ['Both.read'],
    });
  });

  test('are none on two levels', () => {
    @RequireScopes('read')
    class Base extends Silent {}
    @SkipDpop()
    class Sub extends Base {}
    expect(survey({ controllers: [Sub], covered: [Sub] })).toEqual(NOTHING);
  });
});

describe('classes and handlers that are looser than others', () => {
  @Dpop({ bearer: 'allow-unbound' })
  class Base {
    @Dpop({ enforcement: 'report' })
    @Get()
    read(): void {}
  }
  @Dpop({ enforcement: 'report', ticket: 'allow' })
  class Sub extends Base {
    @Dpop({ bearer: 'allow-unbound', ticket: 'allow' })
    @Get()
    write(): void {}

    @Dpop({ bearer: 'reject', enforcement: 'enforce', ticket: 'reject' })
    @Get()
    strict(): void {}

    @Get()
    silent(): void {}
  }

  test('are named by what they allow, the classes first (I3, J2, K1)', () => {
    const { bearer, reporting, tickets } = survey({ controllers: [Sub], covered: [Sub] });
    expect(bearer).toEqual(['Base', 'Sub.write']);
    expect(reporting).toEqual(['Sub', 'Sub.read']);
    expect(tickets).toEqual(['Sub', 'Sub.write']);
  });
});

test('a route is bound by one of its parameters, whatever the others are (I2)', () => {
  class Sub {
    @Get()
    read(@Param('id') _id: string, @DpopBound() _jkt: string): void {}
  }
  expect(survey({ controllers: [Sub] }).unguarded).toEqual(['Sub.read (@DpopBound)']);
});

test('a hook of a gateway is told by its whole name (J1)', () => {
  @WebSocketGateway()
  class Gateway {
    @RequireScopes('feed')
    handleConnectionOf(): void {}

    @RequireScopes('feed')
    handleDisconnect(): void {}
  }
  expect(survey({ providers: [Gateway] }).hooks).toEqual(['Gateway.handleDisconnect (@RequireScopes)']);
});

test('what a base class of a gateway requires, the handshake verifies, too (J1)', () => {
  @RequireScopes('feed')
  class Base {}
  @WebSocketGateway()
  class Gateway extends Base {
    @SubscribeMessage('read')
    read(): void {}
  }
  const gateway = { providers: [Gateway] };
  expect(survey({ ...gateway, verifiesHandshakes: true }).unguardedMessages).toStrictEqual([]);
  expect(survey(gateway).unguardedMessages).toEqual(['Gateway.read (@RequireScopes)']);
});

describe('what the routes of an app require of clients (H)', () => {
  const service = { nonce: 'off', bearer: 'reject' } as const;
  const demandsOf = (types: readonly Type[], policy: Parameters<typeof surveyDemands>[1] = service) => {
    const controllers = new Map(types.map((metatype) => [metatype, { metatype }]));
    const modules = new Map([['module', { controllers, providers: new Map() }]]);
    return surveyDemands(modules as unknown as ModulesContainer, policy);
  };

  @RequireScopes('z')
  class Accounts {
    @RequireScopes('b', 'a')
    @Get()
    read(): void {}

    @RequireAnyScope('c', 'a')
    @Get()
    list(): void {}

    @RequireScopes('d')
    @SkipDpop()
    @Get()
    both(): void {}

    @SkipDpop()
    @Get()
    open(): void {}

    helper(): void {}
  }
  class Idle {
    helper(): void {}
  }

  test('is each scope once, sorted', () => {
    expect(demandsOf([Accounts, Silent])).toEqual({
      scopes: ['a', 'b', 'c', 'd', 'z'],
      allowsBearer: false,
    });
    expect(demandsOf([])).toEqual({ scopes: [], allowsBearer: false });
  });

  test('is nothing of methods that are no routes', () => {
    RequireScopes('x')(Idle);
    expect(demandsOf([Idle])).toEqual({ scopes: [], allowsBearer: false });
  });

  test('is a proof, unless the service or a route allows Bearer', () => {
    class Tolerant {
      @Dpop({ bearer: 'allow-unbound' })
      @Get()
      read(): void {}
    }
    const allowing = { nonce: 'off', bearer: 'allow-unbound' } as const;
    expect(demandsOf([Silent, Tolerant]).allowsBearer).toBe(true);
    expect(demandsOf([], allowing).allowsBearer).toBe(true);
    expect(demandsOf([Accounts]).allowsBearer).toBe(false);
  });
});
