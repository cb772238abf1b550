import type { Type } from '@nestjs/common';
import { PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { ModulesContainer } from '@nestjs/core';
import { isBoundParameter } from '../guard/dpop-bound.decorator.js';
import { readProofPolicy } from '../guard/dpop-proof.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import {
  isDemand,
  isOpened,
  isStatement,
  lineageOf,
  type RouteLevel,
  routeLevelOfClass,
  routeLevelsOf,
  statementsOf,
} from '../guard/route-levels.js';
import { routePolicyOf } from '../guard/route-policy.js';
import type { DpopPolicy } from '../verification/policy.js';
import { classOf } from './container.js';
import type { GuardCoverage } from './guard-coverage.js';

/** The problems with the routes of an app. Each entry names a class or a handler, with its decorators. */
export interface RouteSurvey {
  /** Handlers that require a proof and that no guard covers. */
  readonly unguarded: readonly string[];
  /** Classes that have `@SkipDpop` and also require a proof. */
  readonly contradictoryClasses: readonly string[];
  /** Handlers that have `@SkipDpop` and also require a proof. */
  readonly contradictoryHandlers: readonly string[];
  /** Classes and handlers that allow Bearer. */
  readonly bearer: readonly string[];
  /** Classes and handlers that only report. */
  readonly reporting: readonly string[];
}

/** Checks the controllers, resolvers and gateways of an app, and all other classes with decorators of this library. */
export function surveyRoutes(
  modules: ModulesContainer,
  coverage: GuardCoverage,
  proofCoverage: GuardCoverage,
): RouteSurvey {
  const types = typesIn(modules);
  const routes = [...types].flatMap((type) => [...routesOf(type)]);
  const classes = new Set([...types].flatMap((type) => [...lineageOf(type)]));
  const stating = (states: (level: RouteLevel) => boolean): readonly string[] => [
    ...[...classes].filter((type) => states(routeLevelOfClass(type, DpopGuard))).map(({ name }) => name),
    ...routes.filter(({ levels: [own] }) => own !== undefined && states(own)).map(({ name }) => name),
  ];
  return {
    unguarded: routes
      .filter(({ handler, type }) => !coverage.covers(handler, type))
      .map((route) => {
        const hasProofGuard = proofCoverage.covers(route.handler, route.type);
        return [route.name, unmetDemands(hasProofGuard ? { ...route, isBound: false } : route)] as const;
      })
      .filter(([, demands]) => demands.length > 0)
      .map(([name, demands]) => `${name} (${demands.join(', ')})`),
    contradictoryClasses: [...classes]
      .filter((type) => isContradictory(routeLevelOfClass(type, DpopGuard)))
      .map(({ name }) => name),
    contradictoryHandlers: routes
      .filter(({ levels: [own] }) => own !== undefined && isContradictory(own))
      .map(({ name }) => name),
    bearer: stating((level) => level.policy?.bearer === 'allow-unbound'),
    reporting: stating((level) => level.policy?.enforcement === 'report'),
  };
}

/** The problems with the endpoints of an authorization server. Each entry names a handler. */
export interface ProofRouteSurvey {
  /** Handlers that have `@DpopProof` or `@DpopBound`, and no guard that enforces or fills it; with their decorators. */
  readonly unguarded: readonly string[];
  /** Handlers that both guards cover: one requires an access token, and the other one takes none. */
  readonly contradictory: readonly string[];
}

/** Checks the controllers of an app that has an authorization server. */
export function surveyProofRoutes(
  modules: ModulesContainer,
  resources: GuardCoverage,
  proofs: GuardCoverage,
): ProofRouteSurvey {
  const routes = [...typesIn(modules)]
    .flatMap((type) => [...routesOf(type)])
    .map((route) => {
      const { handler, type, levels } = route;
      const hasProofGuard = proofs.covers(handler, type);
      const hasGuard = resources.covers(handler, type) && !isOpened(levels);
      return { ...route, hasProofGuard, hasGuard };
    });
  return {
    unguarded: routes
      .map(({ name, hasProofGuard, hasGuard, isBound: bound, ...route }) => {
        const lacksProofGuard = hasPolicyOfProofs(route) && !hasProofGuard;
        const lacksAnyGuard = bound && !hasProofGuard && !hasGuard;
        const demands = [lacksProofGuard && '@DpopProof', lacksAnyGuard && '@DpopBound'].filter(Boolean);
        return demands.length === 0 ? undefined : `${name} (${demands.join(', ')})`;
      })
      .filter((text) => text !== undefined),
    contradictory: routes
      .filter(({ isEntry, hasProofGuard, hasGuard }) => isEntry && hasProofGuard && hasGuard)
      .map(({ name }) => name),
  };
}

function hasPolicyOfProofs({ handler, type, isEntry }: Pick<Route, 'handler' | 'type' | 'isEntry'>): boolean {
  return readProofPolicy(handler) !== undefined || (isEntry && readProofPolicy(type) !== undefined);
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

/** The classes of all controllers and providers. */
function typesIn(modules: ModulesContainer): ReadonlySet<Type> {
  return new Set(
    [...modules.values()]
      .flatMap(({ controllers, providers }) => [...controllers.values(), ...providers.values()])
      .map(classOf)
      .filter((type) => type !== undefined),
  );
}

interface Route {
  readonly type: Type;
  readonly handler: object;
  /** `Controller.handler` */
  readonly name: string;
  readonly levels: readonly RouteLevel[];
  /** Whether Nest's own packages send requests or messages here. */
  readonly isEntry: boolean;
  /** Whether a parameter is `@DpopBound`. */
  readonly isBound: boolean;
}

/** The metadata keys of Nest's own packages for handlers of HTTP, messages, sockets and GraphQL. */
const ENTRY_METADATA = [
  PATH_METADATA,
  'microservices:pattern',
  'websockets:message_mapping',
  'graphql:resolver_type',
];

function* routesOf(type: Type): Generator<Route> {
  for (const [name, handler] of methodsOf(type)) {
    yield {
      type,
      handler,
      name: `${type.name}.${String(name)}`,
      levels: routeLevelsOf(handler, type, DpopGuard),
      isEntry: ENTRY_METADATA.some((key) => Reflect.hasMetadata(key, handler)),
      isBound: isBound(type, name),
    };
  }
}

/** The own and inherited methods of a class, each once. */
function methodsOf(type: Type): ReadonlyMap<string | symbol, object> {
  const methods = new Map<string | symbol, object>();
  for (const { prototype } of lineageOf(type) as Iterable<{ readonly prototype: object }>) {
    for (const name of Reflect.ownKeys(prototype)) {
      const value: unknown = Object.getOwnPropertyDescriptor(prototype, name)?.value;
      if (typeof value === 'function' && name !== 'constructor' && !methods.has(name))
        methods.set(name, value);
    }
  }
  return methods;
}

function isBound(type: Type, name: string | symbol): boolean {
  const parameters: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, type, name);
  return (
    typeof parameters === 'object' && parameters !== null && Object.values(parameters).some(isBoundParameter)
  );
}

/** Decorators of a class apply to its routes, not to its other methods. */
function receivesRequests({ levels: [own], isEntry, isBound: bound }: Route): boolean {
  return isEntry || bound || (own !== undefined && isStatement(own));
}

function unmetDemands(route: Route): readonly string[] {
  const { levels, isBound: bound } = route;
  if (isOpened(levels) || !receivesRequests(route)) return [];
  return [...new Set([...levels.flatMap(describeDemands), ...(bound ? ['@DpopBound'] : [])])];
}

function describeDemands(level: RouteLevel): string[] {
  // Nest does not inherit the guards of an overridden handler.
  const guards = level.guarded ? ['@UseGuards on the overridden handler'] : [];
  return [...statementsOf(level), ...guards];
}

function isContradictory(level: RouteLevel): boolean {
  return level.skipped && isDemand(level);
}
