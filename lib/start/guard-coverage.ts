import type { Type } from '@nestjs/common';
import { GUARDS_METADATA } from '@nestjs/common/constants.js';
import { APP_GUARD, type ApplicationConfig, type ModulesContainer } from '@nestjs/core';
import { isGuard } from '../decorators/route-levels.js';
import { DpopGuard } from '../dpop.guard.js';
import { classOf, nameOf, type ProviderWrapper } from './container.js';
import { dependenciesOf, injectedInto } from './provider-scope.js';

/** Which routes `DpopGuard` stands before: bound by `@UseGuards`, by `APP_GUARD` or by `useGlobalGuards`. */
export class GuardCoverage {
  readonly #isGlobal: boolean;

  constructor(modules: ModulesContainer, application: ApplicationConfig) {
    this.#isGlobal =
      application.getGlobalGuards().some(isOrHoldsGuard) ||
      globalGuardProviders(modules).some(([wrapper]) => makesGuard(wrapper));
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
  for (const [wrapper, isScoped] of globalGuardProviders(modules)) {
    if (isScoped || !makesGuard(wrapper) || wrapper.isDependencyTreeStatic()) continue;
    const made = nameOf(classOf(wrapper) ?? wrapper.inject?.[0] ?? DpopGuard);
    throw new TypeError(
      `APP_GUARD must be a provider that is one for the whole app, but ${made} is, or depends on something, request-scoped: some versions of Nest leave such a guard out and every route open. ` +
        `Make ${made} and what it injects singletons, or bind it with @UseGuards(${made})`,
    );
  }
}

/** The providers of `APP_GUARD`, and whether they are scoped themselves; Nest keeps those elsewhere. */
function globalGuardProviders(modules: ModulesContainer): (readonly [ProviderWrapper, boolean])[] {
  const isGlobalGuard = ({ token }: ProviderWrapper): boolean => nameOf(token).startsWith(`${APP_GUARD} (`);
  return [...modules.values()].flatMap(({ providers, injectables }) => [
    ...[...providers.values()].filter(isGlobalGuard).map((wrapper) => [wrapper, false] as const),
    ...[...injectables.values()].filter(isGlobalGuard).map((wrapper) => [wrapper, true] as const),
  ]);
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
