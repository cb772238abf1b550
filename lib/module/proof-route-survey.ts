import type { ModulesContainer } from '@nestjs/core';
import { readProofPolicy } from '../guard/dpop-proof.decorator.js';
import { isOpened, isStatement } from '../guard/route-levels.js';
import type { GuardCoverage } from './guard-coverage.js';
import { type Route, routesOf, typesIn } from './routes.js';

/** The problems with the endpoints of an authorization server. Each entry names a handler. */
export interface ProofRouteSurvey {
  /** Handlers that have `@DpopProof` or `@DpopBound`, and no guard that enforces or fills it; with their decorators. */
  readonly unguarded: readonly string[];
  /** Those of them that have `@DpopProof`. */
  readonly unenforced: readonly string[];
  /** Handlers that both guards cover: one requires an access token, and the other one takes none. */
  readonly contradictory: readonly string[];
}

/**
 * Checks the controllers of an app that has an authorization server.
 *
 * @param resources the routes that `DpopGuard` covers
 * @param proofs the routes that `DpopProofGuard` covers
 */
export function surveyProofRoutes(
  modules: ModulesContainer,
  resources: GuardCoverage,
  proofs: GuardCoverage,
): ProofRouteSurvey {
  const routes = [...typesIn(modules)].flatMap((type) => [...routesOf(type)]);
  const hasProofGuard = ({ handler, type }: Route): boolean => proofs.covers(handler, type);
  const hasGuard = ({ handler, type, levels }: Route): boolean =>
    resources.covers(handler, type) && !isOpened(levels);
  const isUnenforced = (route: Route): boolean => hasPolicyOfProofs(route) && !hasProofGuard(route);
  return {
    unguarded: routes
      .filter((route) => !hasProofGuard(route))
      .map((route) => {
        const demands = [
          ...(isUnenforced(route) ? ['@DpopProof'] : []),
          ...(route.isBound && !isOfResource(route) && !hasGuard(route) ? ['@DpopBound'] : []),
        ];
        return demands.length === 0 ? undefined : `${route.name} (${demands.join(', ')})`;
      })
      .filter((text) => text !== undefined),
    unenforced: routes.filter(isUnenforced).map(({ name }) => name),
    contradictory: routes
      .filter((route) => route.isEntry && hasProofGuard(route) && hasGuard(route))
      .map(({ name }) => name),
  };
}

/** The decorator of a class applies to its routes, not to its other methods. */
function hasPolicyOfProofs({ handler, type, isEntry }: Route): boolean {
  return readProofPolicy(handler) !== undefined || (isEntry && readProofPolicy(type) !== undefined);
}

/** Whether it requires what only an access token can tell. `surveyRoutes` reports such a handler. */
function isOfResource({ levels, tokenParts }: Route): boolean {
  return tokenParts.length > 0 || (levels.some(isStatement) && !isOpened(levels));
}
