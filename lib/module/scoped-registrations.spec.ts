import { describe, expect, test } from '@jest/globals';
import type { ModulesContainer } from '@nestjs/core';
import type { ContainerModule } from './container.js';
import { assertOneRegistrationEach } from './scoped-registrations.js';

interface Parts {
  readonly imports?: readonly ContainerModule[];
  readonly exports?: readonly ContainerModule[];
  readonly isGlobal?: boolean;
}

/** As Nest has modules in its container. */
function moduleOf(
  name: string,
  { imports = [], exports = [], isGlobal = false }: Parts = {},
): ContainerModule {
  const metatype = { [name]: class {} }[name];
  return {
    metatype,
    isGlobal,
    imports: new Set(imports),
    exports: new Set(exports.map((exported) => exported.metatype)),
  } as unknown as ContainerModule;
}

const [first, second] = [moduleOf('First'), moduleOf('Second')];

function assert(
  modules: readonly ContainerModule[],
  registrations: readonly ContainerModule[] = [first, second],
): void {
  const all = [...modules, ...registrations].map((module, index) => [String(index), module] as const);
  assertOneRegistrationEach('DpopModule', registrations, new Map(all) as unknown as ModulesContainer);
}

const shared = moduleOf('Shared', { imports: [second], exports: [second] });

describe('a module has one registration that is not global (I3)', () => {
  test('and two end the start: each such module is named', () => {
    const modules = [
      moduleOf('Root', { imports: [first, second] }),
      moduleOf('Single', { imports: [second] }),
      moduleOf('Accounts', { imports: [second, first] }),
    ];
    expect(() => assert(modules)).toThrow(
      new TypeError(
        'Root, Accounts imports two registrations of DpopModule with isGlobal: false, and Nest would silently use one of them. ' +
          'Give the controllers of each registration a module of their own, which imports that registration only',
      ),
    );
  });

  test('and not a second one by a module that exports it, however far away', () => {
    const farther = moduleOf('Farther', { imports: [moduleOf('Other'), shared], exports: [shared] });
    for (const module of [shared, farther])
      expect(() => assert([moduleOf('Root', { imports: [first, module] })])).toThrow(/^Root imports two/);
  });

  test('and may import a module that has another one for itself', () => {
    const unshared = moduleOf('Unshared', { imports: [second] });
    expect(() => assert([moduleOf('Root', { imports: [first, unshared] }), unshared])).not.toThrow();
  });

  test('and may reach it in several ways', () => {
    expect(() => assert([moduleOf('Root', { imports: [shared, second] }), shared])).not.toThrow();
  });

  test('beside one that is global', () => {
    const global = moduleOf('Global', { isGlobal: true });
    expect(() => assert([moduleOf('Root', { imports: [global, second] })], [global, second])).not.toThrow();
  });

  test('also in modules that import each other', () => {
    const [one, other] = [moduleOf('One'), moduleOf('Other')];
    for (const [module, imported] of [
      [one, other],
      [other, one],
    ] as const) {
      module.imports.add(imported);
      (module.exports as Set<unknown>).add(imported.metatype);
    }
    one.imports.add(first);
    expect(() => assert([one, other])).not.toThrow();
    one.imports.add(second);
    expect(() => assert([one, other])).toThrow(/^One imports two/);
  });
});
