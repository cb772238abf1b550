import type { Type } from '@nestjs/common';
import { type DpopPolicy, overlayPolicy } from '../verification/policy.js';
import { isOpened, routeLevelsOf } from './route-levels.js';

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
  const levels = routeLevelsOf(handler, controller, guard);
  if (isOpened(levels)) return undefined;
  return Object.freeze(
    levels.reduceRight(
      (lower, { policy = {}, requirements }) => ({ ...overlayPolicy(lower, policy), ...requirements }),
      service,
    ),
  );
}
