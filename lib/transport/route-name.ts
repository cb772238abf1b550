import type { ExecutionContext } from '@nestjs/common';
import { isObject } from '../http/is-object.js';
import { knownMethod } from '../http/known-method.js';
import type { Place, RouteName } from '../http/place.js';

/**
 * The route and the handler of an execution context.
 *
 * @param request the request of the platform
 */
export function routeNameOf(context: ExecutionContext, request: unknown): Required<RouteName> {
  const handler = `${context.getClass().name}.${context.getHandler().name}`;
  return { route: routeOf(context, request), handler };
}

/** The metadata key of @nestjs/websockets, which an app without sockets does not have. */
const GATEWAY_OPTIONS = 'websockets:gateway_options';

/** The path that `@WebSocketGateway` gives to a gateway, with a slash before it; `undefined` if it gives none. */
export function gatewayPathOf(type: object): string | undefined {
  const options: unknown = Reflect.getMetadata(GATEWAY_OPTIONS, type);
  const path = isObject(options) ? options['path'] : undefined;
  if (typeof path !== 'string' || path === '') return undefined;
  return path.startsWith('/') ? path : `/${path}`;
}

function routeOf(context: ExecutionContext, request: unknown): string | undefined {
  const type = context.getType<string>();
  if (type === 'ws') return gatewayPathOf(context.getClass());
  return type === 'http' ? patternOf(request) : undefined;
}

/** The route, the handler and the method of the request, for the log. */
export function placeOf(context: ExecutionContext, request: unknown): Place {
  const method = isObject(request) ? knownMethod(request['method']) : undefined;
  return { ...routeNameOf(context, request), method };
}

/** The pattern with prefix and version: `route.path` in Express, `routeOptions.url` in Fastify. */
function patternOf(request: unknown): string | undefined {
  if (!isObject(request)) return undefined;
  const { route, routeOptions } = request;
  const pattern = isObject(routeOptions) ? routeOptions['url'] : isObject(route) ? route['path'] : undefined;
  return typeof pattern === 'string' ? pattern : undefined;
}
