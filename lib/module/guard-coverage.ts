import type { Type } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants.js';
import { APP_GUARD, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { DpopGuard } from '../guard/dpop.guard.js';
import { isGuard } from '../guard/route-levels.js';
import { classOf, nameOf, type ProviderWrapper } from './container.js';
import { dependenciesOf, findScopedDependency, injectedInto } from './provider-scope.js';

/** Which routes `DpopGuard` stands before: bound by `@UseGuards`, by `APP_GUARD` or by `useGlobalGuards`. */
export class GuardCoverage {
  readonly #isGlobal: boolean;

  constructor(modules: ModulesContainer, application: ApplicationConfig) {
    this.#isGlobal =
      application.getGlobalGuards().some(isOrHoldsGuard) ||
      [...modules.values()]
        // Nest keeps providers that are scoped themselves among the injectables.
        .flatMap(({ providers, injectables }) => [...providers.values(), ...injectables.values()])
        .some((wrapper) => isGlobalGuard(wrapper) && makesGuard(wrapper));
  }

  covers(handler: object, controller: Type): boolean {
    return this.#isGlobal || [controller, handler].some((target) => boundTo(target).some(isOrHoldsGuard));
  }
}

/**
 * Nest asks a global guard that is made for each request only where its provider has that scope itself. Of one whose
 * dependencies have it, some versions of Nest leave nothing: every route is open.
 *
 * @throws TypeError for such a provider of `DpopGuard`
 */
export function assertGlobalGuardsMade(modules: ModulesContainer): void {
  for (const module of modules.values()) {
    for (const wrapper of [...module.providers.values()].filter(isGlobalGuard).filter(makesGuard)) {
      const found = findScopedDependency(wrapper, module, [APP_GUARD], (scope) => scope === 'transient');
      if (found === undefined) continue;
      throw new TypeError(
        `APP_GUARD must be a provider that is one for the whole app, but it depends on a ${found.scope} provider: ${found.path.join(' → ')}. ` +
          'Some versions of Nest leave such a guard out, and every route open. Make the guard and what it injects singletons, or bind it with @UseGuards',
      );
    }
  }
}

/** Nest gives each provider of `APP_GUARD` a token of its own. */
function isGlobalGuard({ token }: ProviderWrapper): boolean {
  return nameOf(token).startsWith(`${APP_GUARD} (`);
}

function makesGuard(wrapper: ProviderWrapper): boolean {
  const type = classOf(wrapper);
  return type === undefined ? dependenciesOf(wrapper).some(isOurs) : isOrHoldsGuard(type);
}

/** A guard may stand in for several, ours among them: it injects ours, or holds it. */
function isOrHoldsGuard(bound: unknown): boolean {
  if (isOurs(bound)) return true;
  if (typeof bound === 'function') return injectedInto(bound as Type).some(isOurs);
  return typeof bound === 'object' && bound !== null && Object.values(bound).flat().some(isOurs);
}

function isOurs(bound: unknown): boolean {
  return isGuard(bound, DpopGuard);
}

/** As Nest reads them: those of a class include those of its base classes. */
function boundTo(target: object): readonly unknown[] {
  const bound: unknown = Reflect.getMetadata(GUARDS_METADATA, target);
  return Array.isArray(bound) ? bound : [];
}
