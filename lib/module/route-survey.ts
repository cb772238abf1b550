import type { ModulesContainer } from '@nestjs/core';
import { DpopGuard } from '../guard/dpop.guard.js';
import {
  isDemand,
  isOpened,
  lineageOf,
  type RouteLevel,
  routeLevelOfClass,
  statementsOf,
} from '../guard/route-levels.js';
import { routePolicyOf } from '../guard/route-policy.js';
import type { DpopPolicy } from '../verification/policy.js';
import type { GuardCoverage } from './guard-coverage.js';
import { isHook, isMessage, receivesRequests, type Route, routesOf, typesIn } from './routes.js';

/** The problems with the routes of an app. Each entry names a class or a handler, with its decorators. */
export interface RouteSurvey {
  /** Handlers that require a proof and that no guard covers. */
  readonly unguarded: readonly string[];
  /** Handlers that `DpopProofGuard` covers, and that require what only an access token can tell. */
  readonly withoutToken: readonly string[];
  /** The same of the messages of gateways. A global guard does not cover them, and an adapter may. */
  readonly unguardedMessages: readonly string[];
  /** Messages that require nothing, and that only a global guard covers. */
  readonly globallyGuardedMessages: readonly string[];
  /** The same of the messages of microservices beside HTTP, and of tools of MCP. */
  readonly inheritedGuardMessages: readonly string[];
  /** Messages without HTTP whose guard knows HTTP alone. */
  readonly refusedMessages: readonly string[];
  /** Hooks of gateways that require a proof. Nest runs no guard for them. */
  readonly hooks: readonly string[];
  /** Classes that have `@SkipDpop` and also require a proof. */
  readonly contradictoryClasses: readonly string[];
  /** Handlers that have `@SkipDpop` and also require a proof. */
  readonly contradictoryHandlers: readonly string[];
  /** Classes and handlers that allow Bearer. */
  readonly bearer: readonly string[];
  /** Classes and handlers that only report. */
  readonly reporting: readonly string[];
  /** Classes and handlers that allow tickets. */
  readonly tickets: readonly string[];
}

/**
 * Checks the controllers, resolvers and gateways of an app, and all other classes with decorators of this library.
 *
 * @param verifiesHandshakes whether the adapter for sockets enforces the policies of gateway classes
 * @param proofs the routes that `DpopProofGuard` covers: it satisfies `@DpopBound`, and nothing else
 */
export function surveyRoutes(
  modules: ModulesContainer,
  coverage: GuardCoverage,
  verifiesHandshakes: boolean,
  proofs: Pick<GuardCoverage, 'covers'>,
): RouteSurvey {
  const types = typesIn(modules);
  const routes = [...types].flatMap((type) => [...routesOf(type)]);
  const classes = new Set([...types].flatMap((type) => [...lineageOf(type)]));
  const messages = routes.filter(isMessage);
  const others = routes.filter((route) => !isMessage(route) && !isHook(route));
  const stating = (states: (level: RouteLevel) => boolean): readonly string[] => [
    ...[...classes].filter((type) => states(routeLevelOfClass(type, DpopGuard))).map(({ name }) => name),
    ...routes.filter(({ levels: [own] }) => own !== undefined && states(own)).map(({ name }) => name),
  ];
  return {
    unguarded: describe(
      others.filter(({ handler, type }) => !coverage.covers(handler, type) && !proofs.covers(handler, type)),
      unmetDemands,
    ),
    withoutToken: describe(
      others.filter(
        ({ handler, type, levels }) =>
          proofs.covers(handler, type) && (isOpened(levels) || !coverage.covers(handler, type)),
      ),
      // @SkipDpop opens a handler for DpopGuard. It makes no access token for its parameters.
      (route) => [
        ...unmetDemands({ ...route, isBound: false, tokenParts: [] }),
        ...new Set(route.tokenParts),
      ],
    ),
    unguardedMessages: describe(
      messages.filter(({ handler, type }) => !coverage.binds(handler, type)),
      verifiesHandshakes ? demandsBeyondHandshake : demandsOfMessage,
    ),
    globallyGuardedMessages: messages
      .filter((route) => !verifiesHandshakes && isOnlyGloballyGuarded(route, coverage))
      .map(({ name }) => name),
    inheritedGuardMessages: others
      .filter(
        (route) =>
          coverage.coversIfInherited(route.handler, route.type) &&
          !isOpened(route.levels) &&
          unmetDemands(route).length === 0,
      )
      .map(({ name }) => name),
    refusedMessages: others
      .filter(({ handler, type, levels }) => coverage.refusesMessage(handler, type) && !isOpened(levels))
      .map(({ name }) => name),
    hooks: describe(routes.filter(isHook), ({ levels: [own] }) =>
      own === undefined ? [] : [...statementsOf(own), ...(own.guarded ? ['@UseGuards'] : [])],
    ),
    contradictoryClasses: [...classes]
      .filter((type) => isContradictory(routeLevelOfClass(type, DpopGuard)))
      .map(({ name }) => name),
    contradictoryHandlers: routes
      .filter(({ levels: [own] }) => own !== undefined && isContradictory(own))
      .map(({ name }) => name),
    bearer: stating(({ policy }) => policy?.bearer === 'allow-unbound'),
    reporting: stating(({ policy }) => policy?.enforcement === 'report'),
    tickets: stating(({ policy }) => policy?.ticket === 'allow'),
  };
}

/** What the routes of an app require of clients. */
export interface RouteDemands {
  /** All scopes that routes require or accept, sorted. */
  readonly scopes: readonly string[];
  /** Whether a route accepts a token without a proof. */
  readonly allowsBearer: boolean;
}

/** @param service the policy of a route that has none of its own */
export function surveyDemands(modules: ModulesContainer, service: DpopPolicy): RouteDemands {
  const policies = [...typesIn(modules)]
    .flatMap((type) => [...routesOf(type)])
    .filter(receivesRequests)
    .map(({ handler, type }) => routePolicyOf(handler, type, service, DpopGuard));
  return {
    scopes: [
      ...new Set(policies.flatMap((policy) => [...(policy?.scopes ?? []), ...(policy?.anyScope ?? [])])),
    ].toSorted(),
    allowsBearer: [service, ...policies].some((policy) => policy?.bearer === 'allow-unbound'),
  };
}

function describe(
  routes: readonly Route[],
  demandsOf: (route: Route) => readonly string[],
): readonly string[] {
  return routes
    .map((route) => [route.name, demandsOf(route)] as const)
    .filter(([, demands]) => demands.length > 0)
    .map(([name, demands]) => `${name} (${demands.join(', ')})`);
}

function unmetDemands(route: Route): readonly string[] {
  const { levels, isBound, tokenParts } = route;
  if (isOpened(levels) || !receivesRequests(route)) return [];
  return [
    ...new Set([...levels.flatMap(describeDemands), ...(isBound ? ['@DpopBound'] : []), ...tokenParts]),
  ];
}

/** Neither a handshake nor a guard leaves the verdict that `@DpopBound` reads on an open gateway. */
function demandsOfMessage(route: Route): readonly string[] {
  const { levels, isBound, tokenParts } = route;
  return isOpened(levels) ? [...(isBound ? ['@DpopBound'] : []), ...tokenParts] : unmetDemands(route);
}

/** What the policy of the class does not say, which the handshake meets. */
function demandsBeyondHandshake(route: Route): readonly string[] {
  const classes = [...lineageOf(route.type)];
  if (isOpened(classes.map((type) => routeLevelOfClass(type, DpopGuard)))) return demandsOfMessage(route);
  const levels = route.levels.filter(({ target }) => !classes.some((type) => type === target));
  return isOpened(route.levels) ? [] : [...new Set(levels.flatMap(describeDemands))];
}

function isOnlyGloballyGuarded(route: Route, coverage: GuardCoverage): boolean {
  const { handler, type, levels } = route;
  const isGlobal = coverage.covers(handler, type) && !coverage.binds(handler, type);
  return isGlobal && !isOpened(levels) && unmetDemands(route).length === 0;
}

function describeDemands(level: RouteLevel): string[] {
  // Nest does not inherit the guards of an overridden handler.
  const guards = level.guarded ? ['@UseGuards on the overridden handler'] : [];
  return [...statementsOf(level), ...guards];
}

function isContradictory(level: RouteLevel): boolean {
  return level.skipped && isDemand(level);
}
