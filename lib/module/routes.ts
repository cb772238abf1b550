import type { Type } from '@nestjs/common';
import { PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { ModulesContainer } from '@nestjs/core';
import { boundKeyOf } from '../guard/dpop-bound.decorator.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { isStatement, lineageOf, type RouteLevel, routeLevelsOf } from '../guard/route-levels.js';
import { isGateway } from '../handshake/gateway-policies.js';
import { classOf } from './container.js';
import { isOfMessage, RPC_PATTERN } from './rpc-handlers.js';

/** The classes of all controllers and providers. */
export function typesIn(modules: Pick<ModulesContainer, 'values'>): ReadonlySet<Type> {
  return new Set(
    [...modules.values()]
      .flatMap(({ controllers, providers }) => [...controllers.values(), ...providers.values()])
      .map(classOf)
      .filter((type) => type !== undefined),
  );
}

/** A method of a class that may be a route. */
export interface Route {
  readonly type: Type;
  readonly handler: object;
  /** `Controller.handler` */
  readonly name: string;
  readonly levels: readonly RouteLevel[];
  /** Whether Nest's own packages send requests or messages here. */
  readonly isEntry: boolean;
  /** Whether a parameter is the key of the proof: `@DpopBound()`. Both guards hand it over. */
  readonly isBound: boolean;
  /** The parameters that only an access token can fill, such as `@DpopBound('claims')`. */
  readonly tokenParts: readonly string[];
}

const MESSAGE_METADATA = 'websockets:message_mapping';

/** The metadata keys of Nest's own packages for handlers of HTTP, messages, sockets and GraphQL. */
const ENTRY_METADATA = [PATH_METADATA, RPC_PATTERN, MESSAGE_METADATA, 'graphql:resolver_type'];

/** The methods of a class, inherited ones included. */
export function* routesOf(type: Type): Generator<Route> {
  for (const [name, handler] of methodsOf(type)) {
    const boundKeys = boundKeysOf(type, name);
    yield {
      type,
      handler,
      name: `${type.name}.${String(name)}`,
      levels: routeLevelsOf(handler, type, DpopGuard),
      isEntry: ENTRY_METADATA.some((key) => Reflect.hasMetadata(key, handler)),
      isBound: boundKeys.includes('jkt'),
      tokenParts: boundKeys.filter((key) => key !== 'jkt').map((key) => `@DpopBound('${key}')`),
    };
  }
}

/** Whether the app receives messages of a microservice or calls of MCP, beside HTTP or without it. */
export function hasMessageHandlers(modules: ModulesContainer | undefined): boolean {
  return [...typesIn(modules ?? new Map())].some((type) => [...methodsOf(type).values()].some(isOfMessage));
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

function boundKeysOf(type: Type, name: string | symbol): readonly string[] {
  const parameters: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, type, name);
  if (typeof parameters !== 'object' || parameters === null) return [];
  return Object.values(parameters)
    .map(boundKeyOf)
    .filter((key) => key !== undefined);
}

/** Decorators of a class apply to its routes, not to its other methods. */
export function receivesRequests({ levels: [own], isEntry, isBound, tokenParts }: Route): boolean {
  return isEntry || isBound || tokenParts.length > 0 || (own !== undefined && isStatement(own));
}

/** Whether it is the handler of messages of a gateway. */
export function isMessage({ handler, type }: Route): boolean {
  return Reflect.hasMetadata(MESSAGE_METADATA, handler) && isGateway(type);
}

/** What Nest calls itself when a socket opens or closes. */
export function isHook({ name, type }: Route): boolean {
  return /\.(?:afterInit|handleConnection|handleDisconnect)$/.test(name) && isGateway(type);
}
