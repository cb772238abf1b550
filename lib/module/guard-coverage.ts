import type { Type } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants.js';
import { APP_GUARD, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { DpopGuard } from '../guard/dpop.guard.js';
import type { DpopProofGuard } from '../guard/dpop-proof.guard.js';
import { isGuard } from '../guard/route-levels.js';
import { classOf, nameOf, type ProviderWrapper } from './container.js';
import { isOfMessage, isOfTool } from './rpc-handlers.js';
import { dependenciesOf, findScopedDependency, injectedInto } from './provider-scope.js';

/** The guards of this library. */
type LibraryGuard = Type<DpopGuard> | Type<DpopProofGuard>;

/** Tells which routes have a guard of this library: by `@UseGuards`, by `APP_GUARD` or by `useGlobalGuards`. */
export class GuardCoverage {
  readonly #isGlobal: boolean;
  readonly #isGlobalForMessages: boolean;
  readonly #guard: Type;

  /**
   * @param isHybrid whether the app has an HTTP server: its global guards then apply to messages only with
   * `inheritAppConfig`, which Nest does not tell
   * @param guard default `DpopGuard`
   */
  constructor(
    modules: ModulesContainer,
    application: ApplicationConfig,
    isHybrid: boolean,
    guard: LibraryGuard = DpopGuard,
  ) {
    this.#guard = guard;
    this.#isGlobalForMessages = !isHybrid;
    this.#isGlobal =
      application.getGlobalGuards().some((bound) => isOrUsesGuard(bound, guard)) ||
      [...modules.values()]
        // Nest keeps scoped global guards among the injectables.
        .flatMap(({ providers, injectables }) => [...providers.values(), ...injectables.values()])
        .some((wrapper) => isGlobalGuard(wrapper) && providesGuard(wrapper, guard));
  }

  covers(handler: object, controller: Type): boolean {
    const isGlobal = isOfMessage(handler) ? this.#isGlobal && this.#isGlobalForMessages : this.#isGlobal;
    return isGlobal || this.binds(handler, controller);
  }

  /** Whether only a global guard covers a message beside HTTP: it does with `inheritAppConfig`, and otherwise none. */
  coversIfInherited(handler: object, controller: Type): boolean {
    return isOfMessage(handler) && this.#isGlobal && !this.covers(handler, controller);
  }

  /** Whether `@UseGuards` binds a guard that knows HTTP alone to a message without HTTP: it refuses each one. */
  refusesMessage(handler: object, controller: Type): boolean {
    if (!isOfMessage(handler) || isOfTool(handler)) return false;
    return [controller, handler].flatMap(guardsOf).some(knowsOnlyHttp);
  }

  /** Whether `@UseGuards` binds the guard. Nest 11 runs no other guard for the messages of a gateway. */
  binds(handler: object, controller: Type): boolean {
    const bound = [controller, handler].flatMap(guardsOf);
    return bound.some((item) => isOrUsesGuard(item, this.#guard));
  }
}

/**
 * Asserts that no global `DpopGuard` has a request-scoped dependency. Nest supports a global guard that is
 * request-scoped itself. If only a dependency is, some versions of Nest drop the guard, and every route is open.
 *
 * @throws TypeError for such a guard
 */
export function assertGlobalGuardsStatic(modules: ModulesContainer): void {
  for (const module of modules.values()) {
    for (const wrapper of [...module.providers.values()].filter(isGlobalGuard)) {
      if (!providesGuard(wrapper, DpopGuard)) continue;
      const found = findScopedDependency(wrapper, module, [APP_GUARD], (scope) => scope === 'transient');
      if (found === undefined) continue;
      throw new TypeError(
        `APP_GUARD must be a singleton, but it depends on a ${found.scope} provider: ${found.path.join(' → ')}. ` +
          'Some versions of Nest drop such a guard, and every route is open. Make the guard and its dependencies singletons, or bind the guard with @UseGuards',
      );
    }
  }
}

/** A guard for other transports tells what stands for a request there. */
function knowsOnlyHttp(bound: unknown): boolean {
  if (!isGuard(bound, DpopGuard)) return false;
  const guard = typeof bound === 'function' ? (bound.prototype as DpopGuard) : (bound as DpopGuard);
  return guard.getRequest === DpopGuard.prototype.getRequest;
}

/** Nest gives each provider of `APP_GUARD` its own token. */
function isGlobalGuard({ token }: ProviderWrapper): boolean {
  return nameOf(token).startsWith(`${APP_GUARD} (`);
}

function providesGuard(wrapper: ProviderWrapper, guard: Type): boolean {
  const type = classOf(wrapper);
  return type === undefined
    ? dependenciesOf(wrapper).some((item) => isGuard(item, guard))
    : isOrUsesGuard(type, guard);
}

/** Whether it is the guard, or another guard of the app that injects it or has it as a member. */
function isOrUsesGuard(bound: unknown, guard: Type): boolean {
  const isIt = (item: unknown): boolean => isGuard(item, guard);
  if (isIt(bound)) return true;
  if (typeof bound === 'function') return injectedInto(bound as Type).some(isIt);
  return typeof bound === 'object' && bound !== null && Object.values(bound).flat().some(isIt);
}

/** The guards of a class or a handler, as Nest reads them: a class inherits those of its base classes. */
function guardsOf(target: object): readonly unknown[] {
  const bound: unknown = Reflect.getMetadata(GUARDS_METADATA, target);
  return Array.isArray(bound) ? bound : [];
}
