import { Reflector } from '@nestjs/core';
import {
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  fail,
} from '../errors/option-asserts.js';
import type { AuthenticationRequirement, DpopPolicy } from '../verification/policy.js';

type RouteDecorator = MethodDecorator & ClassDecorator;

/** What `@Dpop` sets for a route. The service decides what is left out. */
export type RoutePolicy = Partial<Pick<DpopPolicy, 'nonce' | 'bearer'>>;

/** @internal The metadata behind the decorators. A `transform`, since a bare `createDecorator<T>()` yields `{}`. */
export const routeMetadata = {
  policy: Reflector.createDecorator<RoutePolicy | undefined, RoutePolicy>({ transform: parseRoutePolicy }),
  skip: Reflector.createDecorator<void, true>({ transform: () => true }),
  scopes: Reflector.createDecorator<readonly string[], readonly string[]>({
    transform: (scopes) => parseScopes(scopes ?? []),
  }),
  authentication: Reflector.createDecorator<AuthenticationRequirement, AuthenticationRequirement>({
    transform: parseAuthentication,
  }),
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
 * @throws TypeError for an unknown name or value
 */
export const Dpop = (policy: RoutePolicy = {}): RouteDecorator => routeMetadata.policy(policy);

/** Opens a controller or a handler to everyone, although a guard is bound globally or to the class. */
export const SkipDpop = (): RouteDecorator => routeMetadata.skip();

/**
 * The scopes that the access token must have, all of them. Otherwise the service answers 403 `insufficient_scope`. The
 * scopes of the handler replace those of the class.
 *
 * @throws TypeError for no scope, or one outside the alphabet of RFC 6749 §3.3
 */
export const RequireScopes = (...scopes: string[]): RouteDecorator => routeMetadata.scopes(scopes);

/**
 * How the user must have been authenticated. Otherwise the service answers 401 `insufficient_user_authentication`, and the
 * client sends the user through a step-up (RFC 9470).
 *
 * @throws TypeError for an empty requirement
 */
export const RequireAuthentication = (requirement: AuthenticationRequirement): RouteDecorator =>
  routeMetadata.authentication(requirement);

function parseRoutePolicy(policy: RoutePolicy = {}): RoutePolicy {
  assertObject(policy, '@Dpop()');
  assertKnownNames(policy, '@Dpop()', ['nonce', 'bearer']);
  if (policy.nonce !== undefined) assertOneOf(policy.nonce, '@Dpop() nonce', ['off', 'required']);
  if (policy.bearer !== undefined) assertOneOf(policy.bearer, '@Dpop() bearer', ['reject', 'allow-unbound']);
  return Object.freeze({ ...policy });
}

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

function parseScopes(scopes: readonly string[]): readonly string[] {
  if (scopes.length === 0 || !scopes.every((scope) => typeof scope === 'string' && SCOPE_TOKEN.test(scope))) {
    fail('@RequireScopes()', 'given one or more scopes, such as @RequireScopes("accounts:read")', {
      value: scopes,
    });
  }
  return Object.freeze([...scopes]);
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
  if (
    !Array.isArray(values) ||
    values.length === 0 ||
    !values.every((value) => typeof value === 'string' && SCOPE_TOKEN.test(value))
  ) {
    fail(
      '@RequireAuthentication() acrValues',
      'an array of authentication context classes, such as ["phr"]',
      {
        value: values,
      },
    );
  }
}
