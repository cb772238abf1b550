import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { type DpopPolicy, overlayPolicy } from '../dpop.policy.js';
import { routeMetadata } from './policy.decorators.js';

/**
 * The policy of the route that a request came to: the decorators of its handler, then those of its class, then the
 * policy of the service. `undefined` where the route is left open.
 */
export function routePolicyOf(
  context: ExecutionContext,
  reflector: Reflector,
  service: DpopPolicy,
): DpopPolicy | undefined {
  const handler = context.getHandler();
  const controller = context.getClass();
  const scopes = reflector.getAllAndOverride(routeMetadata.scopes, [handler, controller]);
  const authentication = reflector.getAllAndOverride(routeMetadata.authentication, [handler, controller]);
  // Closed when in doubt: whoever asks for something on the handler does not want it skipped.
  const askedOnHandler = [routeMetadata.policy, routeMetadata.scopes, routeMetadata.authentication].some(
    (decorator) => reflector.get<unknown>(decorator.KEY, handler) !== undefined,
  );
  if (reflector.getAllAndOverride(routeMetadata.skip, [handler, controller]) && !askedOnHandler) {
    return undefined;
  }
  const ofController = overlayPolicy(service, reflector.get(routeMetadata.policy, controller) ?? {});
  const ofHandler = overlayPolicy(ofController, reflector.get(routeMetadata.policy, handler) ?? {});
  return Object.freeze({
    ...ofHandler,
    ...(scopes && { scopes }),
    ...(authentication && { authentication }),
  });
}
