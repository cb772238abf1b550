import type { ExecutionContext } from '@nestjs/common';
import { isObject } from '../http/is-object.js';
import { knownMethod } from '../http/known-method.js';
import type { Place, RouteName } from '../http/place.js';
import { transportOf } from './transport.js';

/** The route and the handler behind an execution context. */
export function routeNameOf(context: ExecutionContext): Required<RouteName> {
  const handler = `${context.getClass().name}.${context.getHandler().name}`;
  return { route: context.getType<string>() === 'http' ? patternOf(context) : undefined, handler };
}

/** The route, the handler and the method of the request, for the log. */
export function placeOf(context: ExecutionContext): Place {
  const request = transportOf(context)?.request;
  return { ...routeNameOf(context), method: isObject(request) ? knownMethod(request['method']) : undefined };
}

/** The pattern with prefix and version: `route.path` in Express, `routeOptions.url` in Fastify. */
function patternOf(context: ExecutionContext): string | undefined {
  const request = transportOf(context)?.request;
  if (!isObject(request)) return undefined;
  const { route, routeOptions } = request;
  const pattern = isObject(routeOptions) ? routeOptions['url'] : isObject(route) ? route['path'] : undefined;
  return typeof pattern === 'string' ? pattern : undefined;
}
