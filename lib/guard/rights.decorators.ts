import type { AuthorizationDetailPredicate, RequiredRole, VerdictPredicate } from '../verification/policy.js';
import {
  assertPredicate,
  parseAuthorizationDetails,
  parsePermissions,
  parseRoles,
  parseScopes,
} from './required-rights.js';
import type { RouteDecorator } from './route-metadata.js';
import { routeRequirements } from './route-requirements.js';

/**
 * The scopes that the access token must have, all of them. Otherwise the service answers 403 `insufficient_scope`. The
 * scopes of the handler replace those of the class.
 *
 * @throws TypeError for no scope, or one outside the alphabet of RFC 6749 §3.3
 */
export const RequireScopes = (...scopes: string[]): RouteDecorator =>
  routeRequirements.scopes.decorate(parseScopes('@RequireScopes', scopes));

/**
 * The scopes of which the access token must have one. Otherwise the service answers 403 `insufficient_scope`, and the
 * challenge lists them all. It does not replace `@RequireScopes`: where both apply, both must be met.
 *
 * @throws TypeError for no scope, one outside the alphabet of RFC 6749 §3.3, or a second one on the same target
 */
export const RequireAnyScope = (...scopes: string[]): RouteDecorator =>
  routeRequirements.anyScope.decorate(parseScopes('@RequireAnyScope', scopes));

/**
 * The roles that the access token must have, all of them: a string for a role of the whole realm or tenant
 * (`verdict.roles`), an object for the role of one client (`verdict.clientRoles`). Otherwise the service answers 403
 * `insufficient_rights`. The roles of the handler replace those of the class.
 *
 * @example
 * ```ts
 * @RequireRoles('auditor', { client: 'accounts', role: 'editor' })
 * @Post('corrections')
 * correct() {}
 * ```
 * @throws TypeError for no role, or one that is neither a name nor a client with a role
 */
export const RequireRoles = (...roles: RequiredRole[]): RouteDecorator =>
  routeRequirements.roles.decorate(parseRoles('@RequireRoles', roles));

/**
 * The roles of which the access token must have one. Otherwise the service answers 403 `insufficient_rights`.
 *
 * @throws TypeError as `@RequireRoles` does, and for a second one on the same target
 */
export const RequireAnyRole = (...roles: RequiredRole[]): RouteDecorator =>
  routeRequirements.anyRole.decorate(parseRoles('@RequireAnyRole', roles));

/**
 * The permissions that the access token must have, all of them. Otherwise the service answers 403 `insufficient_rights`. The
 * permissions of the handler replace those of the class.
 *
 * @throws TypeError for no permission, or an empty one
 */
export const RequirePermissions = (...permissions: string[]): RouteDecorator =>
  routeRequirements.permissions.decorate(parsePermissions('@RequirePermissions', permissions));

/**
 * The authorization details that the access token must have: an entry of this type that satisfies the predicate. Otherwise
 * the service answers 403 `insufficient_rights`. A predicate that throws, or returns neither `true` nor `false`, is
 * answered with 503.
 *
 * @example
 * ```ts
 * @RequireAuthorizationDetails('payment', (payment) => payment['currency'] === 'EUR')
 * @Post('payments')
 * pay() {}
 * ```
 * @throws TypeError for a type that is not a name, or a predicate that is not a function
 * @see RFC 9396
 */
export const RequireAuthorizationDetails = (
  type: string,
  predicate?: AuthorizationDetailPredicate,
): RouteDecorator =>
  routeRequirements.authorizationDetails.decorate(
    Object.freeze([parseAuthorizationDetails('@RequireAuthorizationDetails', type, predicate)]),
  );

/**
 * A question about the verdict, for what no list can say. `false`, at once or by a promise, is answered with 403
 * `insufficient_rights`. A predicate that throws, or returns neither `true` nor `false`, is answered with 503. It is asked
 * after all other checks and before the proof is recorded, once for each guard of the route.
 *
 * @example
 * ```ts
 * @Require((verdict) => verdict.claims['tenant'] === 'acme')
 * @Get('reports')
 * reports() {}
 * ```
 * @throws TypeError for anything but a function
 */
export const Require = (predicate: VerdictPredicate): RouteDecorator => {
  assertPredicate('@Require', predicate);
  return routeRequirements.predicates.decorate(Object.freeze([predicate]));
};
