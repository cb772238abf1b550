import { describe, expect, test } from '@jest/globals';
import { type CanActivate, Inject, Injectable, Scope, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { DpopGuard } from '../guard/dpop.guard.js';
import { assertGlobalGuardsStatic, GuardCoverage } from './guard-coverage.js';

class AuditedGuard extends DpopGuard {}

class YesGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Injectable()
class InjectingGuard extends YesGuard {
  constructor(readonly dpop: DpopGuard) {
    super();
  }
}

@Injectable()
class TokenGuard extends YesGuard {
  constructor(@Inject(DpopGuard) readonly dpop: unknown) {
    super();
  }
}

@Injectable()
class PropertyGuard extends YesGuard {
  @Inject(AuditedGuard)
  readonly dpop: unknown;
}

class HoldingGuard extends YesGuard {
  constructor(readonly guards: unknown) {
    super();
  }
}

const dpop: unknown = Object.create(DpopGuard.prototype);

interface Container {
  readonly providers?: readonly object[];
  readonly injectables?: readonly object[];
  readonly global?: readonly unknown[];
}

function coverageOf(
  { providers = [], injectables = [], global = [] }: Container,
  isHybrid = false,
): GuardCoverage {
  const toMap = (wrappers: readonly object[]) => new Map(wrappers.entries());
  const module = { providers: toMap(providers), injectables: toMap(injectables) };
  return new GuardCoverage(
    new Map([['module', module]]) as unknown as ModulesContainer,
    { getGlobalGuards: () => global } as unknown as ApplicationConfig,
    isHybrid,
  );
}

function controllerWith(...guards: readonly unknown[]): { readonly type: Type; readonly handler: object } {
  class SomeController {
    read(): void {}
  }
  if (guards.length > 0) UseGuards(...(guards as CanActivate[]))(SomeController);
  return { type: SomeController, handler: SomeController.prototype.read };
}

function isCovered(coverage: GuardCoverage, { type, handler } = controllerWith()): boolean {
  return coverage.covers(handler, type);
}

const OURS: readonly (readonly [string, unknown])[] = [
  ['our guard', DpopGuard],
  ['a guard that extends ours', AuditedGuard],
  ['an instance of ours', dpop],
  ['a guard that injects ours', InjectingGuard],
  ['a guard that injects ours by token', TokenGuard],
  ['a guard that injects ours into a property', PropertyGuard],
  ['an instance that holds ours', new HoldingGuard(dpop)],
  ['an instance that holds ours among others', new HoldingGuard([new YesGuard(), dpop])],
];

const OTHERS: readonly (readonly [string, unknown])[] = [
  ['another guard', YesGuard],
  ['an instance of another guard', new YesGuard()],
  ['an instance that holds another guard', new HoldingGuard([new YesGuard()])],
];

describe('a route has the guard (I2)', () => {
  test.each(OURS)('by @UseGuards with %s, on the handler, the class or a base class', (_what, guard) => {
    expect(isCovered(coverageOf({}), controllerWith(guard))).toBe(true);
    expect(isCovered(coverageOf({}), controllerWith(YesGuard, guard))).toBe(true);
    const base = controllerWith(guard);
    class Sub extends base.type {}
    expect(isCovered(coverageOf({}), { ...base, type: Sub })).toBe(true);
    class OnHandler {
      @UseGuards(guard as CanActivate)
      read(): void {}
    }
    expect(coverageOf({}).covers(OnHandler.prototype.read, OnHandler)).toBe(true);
  });

  test.each(OURS)('by useGlobalGuards with %s', (_what, guard) => {
    expect(isCovered(coverageOf({ global: [new YesGuard(), guard] }))).toBe(true);
  });

  const token = `${APP_GUARD} (UUID: 1)`;
  const bindings: readonly (readonly [string, object])[] = [
    ['useClass', { token, metatype: DpopGuard }],
    ['useClass of a guard that injects ours', { token, metatype: InjectingGuard }],
    ['useExisting', { token, metatype: (guard: unknown) => guard, inject: [DpopGuard] }],
    [
      'useFactory',
      { token, metatype: () => dpop, inject: ['other', { token: AuditedGuard, optional: true }] },
    ],
  ];

  test.each(bindings)('by APP_GUARD with %s, scoped or not', (_what, wrapper) => {
    expect(isCovered(coverageOf({ providers: [{ token: 'other' }, wrapper] }))).toBe(true);
    expect(isCovered(coverageOf({ injectables: [wrapper] }))).toBe(true);
  });
});

describe('a route has no guard (I2)', () => {
  test.each(OTHERS)('by %s', (_what, guard) => {
    expect(isCovered(coverageOf({}), controllerWith(guard))).toBe(false);
    expect(isCovered(coverageOf({ global: [guard] }))).toBe(false);
  });

  const token = `${APP_GUARD} (UUID: 1)`;
  const wrappers: readonly (readonly [string, object])[] = [
    ['the guard among the providers', { token: DpopGuard, metatype: DpopGuard }],
    ['a token that only looks like that of APP_GUARD', { token: APP_GUARD, metatype: DpopGuard }],
    ['a longer token', { token: `MY_${token}`, metatype: DpopGuard }],
    ['another guard by APP_GUARD', { token, metatype: YesGuard }],
    ['a factory of another guard', { token, metatype: () => new YesGuard(), inject: ['other'] }],
    ['a value of APP_GUARD', { token, metatype: null }],
  ];

  test.each(wrappers)('by %s', (_what, wrapper) => {
    expect(isCovered(coverageOf({ providers: [wrapper] }))).toBe(false);
  });

  test('where nothing is bound, or what is bound is no guard at all', () => {
    expect(isCovered(coverageOf({}))).toBe(false);
    expect(isCovered(coverageOf({ global: [null, undefined, 'guard'] }))).toBe(false);
  });
});

describe('a message (I2)', () => {
  class Messages {
    @MessagePattern('plain')
    plain(): void {}

    @UseGuards(dpop as DpopGuard)
    @EventPattern('guarded')
    guarded(_data: object): void {}

    @UseGuards(YesGuard, new YesGuard(), InjectingGuard)
    @MessagePattern('other')
    other(): void {}

    @UseGuards(AuditedGuard)
    read(): void {}
  }
  const { plain, guarded, other, read } = Messages.prototype;

  test('has a global guard, unless the app has HTTP beside it: then the guard may be inherited', () => {
    const global = [dpop];
    for (const [isHybrid, isCertain] of [
      [false, true],
      [true, false],
    ] as const) {
      const coverage = coverageOf({ global }, isHybrid);
      expect(coverage.covers(plain, Messages)).toBe(isCertain);
      expect(coverage.coversIfInherited(plain, Messages)).toBe(!isCertain);
      expect(coverage.covers(guarded, Messages)).toBe(true);
      expect(coverage.coversIfInherited(guarded, Messages)).toBe(false);
    }
    expect(coverageOf({}, true).coversIfInherited(plain, Messages)).toBe(false);
    expect(coverageOf({ global }, true).coversIfInherited(read, Messages)).toBe(false);
  });

  test('is refused by a guard that knows HTTP alone, and by no other guard', () => {
    const refused = [plain, guarded, other, read].filter((handler) =>
      coverageOf({}).refusesMessage(handler, Messages),
    );
    expect(refused).toEqual([guarded]);
  });
});

describe('a scoped dependency (I1)', () => {
  const assertWith = (token: unknown, metatype: unknown): void => {
    const module = {
      providers: new Map<unknown, object>([
        ['guard', { token, metatype, inject: undefined }],
        ['dependency', { token: 'dependency', metatype: () => 0, inject: [], scope: Scope.REQUEST }],
      ]),
      imports: new Set(),
      exports: new Set(),
    };
    assertGlobalGuardsStatic(new Map([['module', module]]) as unknown as ModulesContainer);
  };

  class ScopedGuard extends DpopGuard {}
  class OtherGuard extends YesGuard {}
  for (const type of [ScopedGuard, OtherGuard]) Inject('dependency')(type.prototype, 'dependency');
  const global = `${APP_GUARD} (UUID: 1)`;

  test('ends the start if a global guard of this library has it, and no other guard', () => {
    expect(() => assertWith(global, ScopedGuard)).toThrow(/APP_GUARD → dependency/);
    expect(() => assertWith(ScopedGuard, ScopedGuard)).not.toThrow();
    expect(() => assertWith(global, OtherGuard)).not.toThrow();
  });
});
