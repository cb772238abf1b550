import type { Type } from '@nestjs/common';
import { type DpopPolicy, overlayPolicy } from '../verification/policy.js';
import { isOpened, routeLevelsOf } from './route-levels.js';

/**
 * The policy of a route: what the nearest of its levels says, over the policy of the service. `undefined` where the
 * route is left open.
 *
 * @param guard the class whose binding by `@UseGuards` is a demand
 */
export function routePolicyOf(
  handler: object,
  controller: Type,
  service: DpopPolicy,
  guard: Type,
): DpopPolicy | undefined {
  const levels = routeLevelsOf(handler, controller, guard);
  if (isOpened(levels)) return undefined;
  const scopes = levels.find((level) => level.scopes !== undefined)?.scopes;
  const authentication = levels.find((level) => level.authentication !== undefined)?.authentication;
  return Object.freeze({
    ...levels.reduceRight((lower, { policy = {} }) => overlayPolicy(lower, policy), service),
    ...(scopes && { scopes }),
    ...(authentication && { authentication }),
  });
}
