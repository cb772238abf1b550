import { describe, expect, test } from '@jest/globals';
import { forwardRef, Inject, Injectable, Scope } from '@nestjs/common';
import type { ContainerModule, ProviderWrapper } from './container.js';
import { dependenciesOf, findScopedDependency, injectedInto } from './provider-scope.js';

type Parts = Partial<Record<'metatype' | 'inject' | 'scope' | 'durable' | 'host', unknown>>;

interface ModuleParts {
  readonly providers?: readonly (readonly [token: unknown, parts: Parts])[];
  readonly imports?: readonly ContainerModule[];
  readonly exports?: readonly unknown[];
}

const wrapper = (parts: Parts): ProviderWrapper => parts as ProviderWrapper;

/** As Nest has modules in its container. */
function moduleOf({ providers = [], imports = [], exports = [] }: ModuleParts): ContainerModule {
  class SomeModule {}
  return {
    metatype: SomeModule,
    providers: new Map(providers),
    imports: new Set(imports),
    exports: new Set(exports),
  } as unknown as ContainerModule;
}

const factory = (...inject: readonly unknown[]): Parts => ({ metatype: () => 0, inject });
const REQUEST_SCOPED: Parts = { ...factory(), scope: Scope.REQUEST };

/** What a factory with these dependencies in this module depends on. */
const find = (module: ContainerModule, ...inject: readonly unknown[]) =>
  findScopedDependency(wrapper(factory(...inject)), module, ['start']);

describe('the dependencies of a provider (I1)', () => {
  @Injectable()
  class Dependency {}

  @Injectable()
  class Service {
    @Inject('property')
    readonly property: unknown;

    constructor(
      readonly dependency: Dependency,
      @Inject('parameter') readonly parameter: unknown,
    ) {}
  }

  test('are what its constructor and its properties inject', () => {
    expect(injectedInto(Service)).toEqual([Dependency, 'parameter', 'property']);
    expect(injectedInto(class Plain {})).toStrictEqual([]);
    expect(dependenciesOf(wrapper({ metatype: Service }))).toEqual([Dependency, 'parameter', 'property']);
  });

  test('are what a factory injects: tokens, optional ones, and forward references', () => {
    const parts = factory(
      'text',
      Dependency,
      { token: 'optional', optional: true },
      forwardRef(() => Service),
      { token: forwardRef(() => Dependency), optional: true },
      undefined,
      null,
    );
    expect(dependenciesOf(wrapper(parts)).filter((token) => token !== null)).toEqual([
      'text',
      Dependency,
      'optional',
      Service,
      Dependency,
    ]);
    expect(dependenciesOf(wrapper({ metatype: () => 0 }))).toStrictEqual([]);
    expect(dependenciesOf(wrapper({ metatype: null }))).toStrictEqual([]);
  });
});

describe('the scoped dependency of a provider (I1)', () => {
  test.each([
    [{ scope: Scope.REQUEST }, 'request-scoped'],
    [{ scope: Scope.REQUEST, durable: true }, 'durable'],
    [{ scope: Scope.TRANSIENT }, 'transient'],
    [{ scope: Scope.TRANSIENT, durable: true }, 'transient'],
  ])('is named by its kind: %j is %s', (parts, scope) => {
    const module = moduleOf({ providers: [['scoped', { ...factory(), ...parts }]] });
    expect(find(module, 'scoped')).toEqual({ scope, path: ['start', 'scoped'] });
  });

  test('may be the provider itself', () => {
    expect(findScopedDependency(wrapper(REQUEST_SCOPED), moduleOf({}), ['start'])).toEqual({
      scope: 'request-scoped',
      path: ['start'],
    });
  });

  test('is none among singletons, and with dependencies that Nest does not have', () => {
    const module = moduleOf({
      providers: [
        ['default', { ...factory(), scope: Scope.DEFAULT }],
        ['none', factory('default', 'missing')],
      ],
    });
    expect(find(module, 'default', 'none')).toBeUndefined();
  });

  test('is found on any way, past circles, and in the order of the dependencies', () => {
    const module = moduleOf({
      providers: [
        ['one', factory('two')],
        ['two', factory('one', 'three')],
        ['three', factory('scoped')],
        ['scoped', REQUEST_SCOPED],
      ],
    });
    expect(find(module, 'one')?.path).toEqual(['start', 'one', 'two', 'three', 'scoped']);
    expect(find(module, 'scoped', 'one')?.path).toEqual(['start', 'scoped']);
  });

  test('may be harmless, and another one behind it is not', () => {
    const module = moduleOf({
      providers: [
        ['transient', { ...factory('scoped'), scope: Scope.TRANSIENT }],
        ['scoped', REQUEST_SCOPED],
      ],
    });
    const isHarmless = (scope: string) => scope === 'transient';
    const start = wrapper(factory('transient'));
    expect(findScopedDependency(start, module, ['start'], isHarmless)).toEqual({
      scope: 'request-scoped',
      path: ['start', 'transient', 'scoped'],
    });
    expect(findScopedDependency(start, module, ['start'])?.path).toEqual(['start', 'transient']);
  });
});

describe('a dependency from another module (I1)', () => {
  const scoped = [['scoped', REQUEST_SCOPED]] as const;

  test('is found if the module exports it', () => {
    const exporting = moduleOf({ providers: scoped, exports: ['scoped'] });
    expect(find(moduleOf({ imports: [exporting] }), 'scoped')?.scope).toBe('request-scoped');
    expect(find(moduleOf({ imports: [moduleOf({ providers: scoped })] }), 'scoped')).toBeUndefined();
  });

  test('is found behind a module that exports the other one, and not behind one that only imports it', () => {
    const exporting = moduleOf({ providers: scoped, exports: ['scoped'] });
    const reexporting = moduleOf({ imports: [exporting], exports: [exporting.metatype] });
    const importing = moduleOf({ imports: [exporting] });
    expect(find(moduleOf({ imports: [moduleOf({}), reexporting] }), 'scoped')?.scope).toBe('request-scoped');
    expect(find(moduleOf({ imports: [importing] }), 'scoped')).toBeUndefined();
  });

  test('is looked for once in modules that import each other', () => {
    const [one, other] = [moduleOf({}), moduleOf({})];
    for (const [module, imported] of [
      [one, other],
      [other, one],
    ] as const) {
      module.imports.add(imported);
      (module.exports as Set<unknown>).add(imported.metatype);
    }
    expect(find(one, 'scoped')).toBeUndefined();
  });

  test('comes after one of the same token in the module itself', () => {
    const exporting = moduleOf({ providers: scoped, exports: ['scoped'] });
    const own = moduleOf({ providers: [['scoped', factory()]], imports: [exporting] });
    expect(find(own, 'scoped')).toBeUndefined();
  });

  test('finds its own dependencies in its own module', () => {
    class Service {}
    Inject('scoped')(Service.prototype, 'property');
    const home = moduleOf({ providers: scoped });
    const service: Parts = { metatype: Service, host: home };
    const exporting = moduleOf({ providers: [[Service, service]], exports: [Service] });
    expect(find(moduleOf({ imports: [exporting] }), Service)).toEqual({
      scope: 'request-scoped',
      path: ['start', 'Service', 'scoped'],
    });
  });
});
