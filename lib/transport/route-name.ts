import type { ExecutionContext } from '@nestjs/common';
import { isObject } from '../http/is-object.js';
import { knownMethod } from '../http/known-method.js';
import type { Place, RouteName } from '../http/place.js';

/** The route and the handler behind an execution context, and behind the request of its platform. */
export function routeNameOf(context: ExecutionContext, request: unknown): Required<RouteName> {
  const handler = `${context.getClass().name}.${context.getHandler().name}`;
  return { route: context.getType<string>() === 'http' ? patternOf(request) : undefined, handler };
}

/** The same with the method of the request, for the log. */
export function placeOf(context: ExecutionContext, request: unknown): Place {
  const method = isObject(request) ? knownMethod(request['method']) : undefined;
  return { ...routeNameOf(context, request), method };
}

/** Express has it at `route.path`, Fastify at `routeOptions.url`; with prefix and version. */
function patternOf(request: unknown): string | undefined {
  if (!isObject(request)) return undefined;
  const { route, routeOptions } = request;
  const pattern = isObject(routeOptions) ? routeOptions['url'] : isObject(route) ? route['path'] : undefined;
  return typeof pattern === 'string' ? pattern : undefined;
}
