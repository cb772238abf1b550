import {
  assertBoolean,
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  fail,
} from '../errors/option-asserts.js';
import type { AuthenticationRequirement, DpopPolicy } from '../verification/policy.js';
import { isScopeToken } from './required-rights.js';
import { type RouteDecorator, RouteMetadata } from './route-metadata.js';
import { routeRequirements } from './route-requirements.js';

/** What `@Dpop` sets for a route. The service decides what is left out. */
export type RoutePolicy = Partial<
  Pick<DpopPolicy, 'nonce' | 'bearer' | 'enforcement' | 'anonymous' | 'ticket' | 'endAtExpiry'>
>;

/** @internal The metadata of `@Dpop` and `@SkipDpop`. */
export const routeMetadata = {
  policy: new RouteMetadata<RoutePolicy>('@Dpop', mergeRoutePolicies),
  skip: new RouteMetadata<true>('@SkipDpop', () => true),
} as const;

/**
 * The policy of a controller or a handler. The handler's takes precedence, and cancels a `@SkipDpop` of its class.
 *
 * @example
 * ```ts
 * @Dpop({ nonce: 'required' })
 * @Post('transfers')
 * transfer() {}
 * ```
 * @throws TypeError for an unknown name or value, or for another value on the same target
 */
export const Dpop = (policy: RoutePolicy = {}): RouteDecorator =>
  routeMetadata.policy.decorate(parseRoutePolicy(policy));

/** Opens a controller or a handler to everyone, although a guard is bound globally or to the class. */
export const SkipDpop = (): RouteDecorator => routeMetadata.skip.decorate(true);

/**
 * How the user must have been authenticated. Otherwise the service answers 401 `insufficient_user_authentication`, and the
 * client sends the user through a step-up (RFC 9470).
 *
 * @throws TypeError for an empty requirement, or for a second one on the same target
 */
export const RequireAuthentication = (requirement: AuthenticationRequirement): RouteDecorator =>
  routeRequirements.authentication.decorate(parseAuthentication(requirement));

const POLICY_VALUES = {
  nonce: ['off', 'required'],
  bearer: ['reject', 'allow-unbound'],
  enforcement: ['enforce', 'report'],
  anonymous: ['reject', 'allow'],
  ticket: ['reject', 'allow'],
} as const satisfies Readonly<Record<Exclude<keyof RoutePolicy, 'endAtExpiry'>, readonly string[]>>;

const VALUE_NAMES = Object.keys(POLICY_VALUES) as (keyof typeof POLICY_VALUES)[];
const POLICY_NAMES = [...VALUE_NAMES, 'endAtExpiry'] as const;

function parseRoutePolicy(policy: RoutePolicy): RoutePolicy {
  assertObject(policy, '@Dpop()');
  assertKnownNames(policy, '@Dpop()', POLICY_NAMES);
  for (const name of VALUE_NAMES) {
    if (policy[name] !== undefined) assertOneOf(policy[name], `@Dpop() ${name}`, POLICY_VALUES[name]);
  }
  if (policy.endAtExpiry !== undefined) assertBoolean(policy.endAtExpiry, '@Dpop() endAtExpiry');
  return Object.freeze({ ...policy });
}

function mergeRoutePolicies(upper: RoutePolicy, lower: RoutePolicy): RoutePolicy {
  const merged: Record<string, string | boolean> = {};
  for (const name of POLICY_NAMES) {
    const values = [upper[name], lower[name]].filter((value) => value !== undefined);
    if (new Set(values).size > 1)
      fail(`@Dpop() ${name}`, 'one value on one handler or class', { value: values });
    if (values[0] !== undefined) merged[name] = values[0];
  }
  return Object.freeze(merged);
}

function parseAuthentication(requirement: AuthenticationRequirement): AuthenticationRequirement {
  assertObject(requirement, '@RequireAuthentication()');
  assertKnownNames(requirement, '@RequireAuthentication()', ['acrValues', 'maxAgeSeconds']);
  const { acrValues, maxAgeSeconds } = requirement;
  if (acrValues === undefined && maxAgeSeconds === undefined) {
    fail('@RequireAuthentication()', 'given acrValues, maxAgeSeconds or both');
  }
  if (acrValues !== undefined) assertAcrValues(acrValues);
  if (maxAgeSeconds !== undefined)
    assertInteger(maxAgeSeconds, '@RequireAuthentication() maxAgeSeconds', 0, 31_536_000);
  return Object.freeze({ ...requirement });
}

function assertAcrValues(values: unknown): void {
  if (Array.isArray(values) && values.length > 0 && values.every(isScopeToken)) return;
  fail('@RequireAuthentication() acrValues', 'an array of authentication context classes, such as ["phr"]', {
    value: values,
  });
}
