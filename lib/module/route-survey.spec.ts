import { describe, expect, test } from '@jest/globals';
import { Controller, Get, Injectable, SetMetadata, type Type, UseGuards } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { DpopBound } from '../guard/dpop-bound.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { Dpop, RequireAuthentication, SkipDpop } from '../guard/policy.decorators.js';
import { RequireScopes } from '../guard/rights.decorators.js';
import type { GuardCoverage } from './guard-coverage.js';
import { type RouteSurvey, surveyRoutes } from './route-survey.js';

const NOTHING: RouteSurvey = {
  unguarded: [],
  contradictoryClasses: [],
  contradictoryHandlers: [],
  bearer: [],
  reporting: [],
};

interface Found {
  readonly controllers?: readonly (Type | null)[];
  readonly providers?: readonly (Type | null)[];
  readonly covered?: readonly object[];
}

const NO_COVERAGE = { covers: () => false } as unknown as GuardCoverage;

/** What stands out in an app with these classes, of which these handlers or classes have the guard. */
function survey({ controllers = [], providers = [], covered = [] }: Found): RouteSurvey {
  const toMap = (types: readonly (Type | null)[]) =>
    new Map(types.map((metatype) => [metatype, { metatype }]));
  const module = { controllers: toMap(controllers), providers: toMap(providers) };
  const coverage = {
    covers: (handler: object, type: object) => covered.includes(handler) || covered.includes(type),
  } as unknown as GuardCoverage;
  return surveyRoutes(new Map([['module', module]]) as unknown as ModulesContainer, coverage, NO_COVERAGE);
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
