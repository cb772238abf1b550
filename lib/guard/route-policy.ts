import type { Type } from '@nestjs/common';
import { type DpopPolicy, overlayPolicy } from '../verification/policy.js';
import { isOpened, lineageOf, type RouteLevel, routeLevelOfClass, routeLevelsOf } from './route-levels.js';

/**
 * The policy of a route: the nearest level that sets a member decides it, and the service decides the rest. `undefined` for
 * an open route.
 *
 * @param guard the class whose binding by `@UseGuards` requires a proof
 */
export function routePolicyOf(
  handler: object,
  controller: Type,
  service: DpopPolicy,
  guard: Type,
): DpopPolicy | undefined {
  return policyOf(routeLevelsOf(handler, controller, guard), service);
}

/** The policy of a class, without that of its handlers: what a gateway requires of the handshake. */
export function classPolicyOf(type: Type, service: DpopPolicy, guard: Type): DpopPolicy | undefined {
  return policyOf(
    [...lineageOf(type)].map((level) => routeLevelOfClass(level, guard)),
    service,
  );
}

function policyOf(levels: readonly RouteLevel[], service: DpopPolicy): DpopPolicy | undefined {
  if (isOpened(levels)) return undefined;
  return Object.freeze(
    levels.reduceRight(
      (lower, { policy = {}, requirements }) => ({ ...overlayPolicy(lower, policy), ...requirements }),
      service,
    ),
  );
}

/** The policies of routes, each computed once. */
export class RoutePolicies {
  readonly #service: DpopPolicy;
  readonly #guard: Type;
  readonly #policies = new WeakMap<object, Map<Type, DpopPolicy | undefined>>();

  constructor(service: DpopPolicy, guard: Type) {
    this.#service = service;
    this.#guard = guard;
  }

  /** As `routePolicyOf`. */
  of(handler: object, controller: Type): DpopPolicy | undefined {
    let ofHandler = this.#policies.get(handler);
    if (ofHandler === undefined) this.#policies.set(handler, (ofHandler = new Map()));
    if (!ofHandler.has(controller))
      ofHandler.set(controller, routePolicyOf(handler, controller, this.#service, this.#guard));
    return ofHandler.get(controller);
  }
}
