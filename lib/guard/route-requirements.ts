import type { DpopPolicy } from '../verification/policy.js';
import { addUp, refuseRepetition, RouteMetadata } from './route-metadata.js';

/** What the decorators that only a guard can enforce require, beside `@Dpop`. */
export type RouteRequirements = Omit<
  DpopPolicy,
  'nonce' | 'bearer' | 'enforcement' | 'anonymous' | 'ticket' | 'endAtExpiry'
>;

type Kind = keyof RouteRequirements;

/** @internal The metadata behind the decorators, by the member of the policy that each sets. */
export const routeRequirements: {
  readonly [K in Kind]-?: RouteMetadata<NonNullable<RouteRequirements[K]>>;
} = {
  scopes: new RouteMetadata('@RequireScopes', addUp),
  anyScope: new RouteMetadata(
    '@RequireAnyScope',
    refuseRepetition(
      '@RequireAnyScope',
      'name all scopes in one, or use @RequireScopes for those that are always required',
    ),
  ),
  roles: new RouteMetadata('@RequireRoles', addUp),
  anyRole: new RouteMetadata(
    '@RequireAnyRole',
    refuseRepetition(
      '@RequireAnyRole',
      'name all roles in one, or use @RequireRoles for those that are always required',
    ),
  ),
  permissions: new RouteMetadata('@RequirePermissions', addUp),
  authorizationDetails: new RouteMetadata('@RequireAuthorizationDetails', addUp),
  authentication: new RouteMetadata(
    '@RequireAuthentication',
    refuseRepetition('@RequireAuthentication', 'name acrValues and maxAgeSeconds in one'),
  ),
  predicates: new RouteMetadata('@Require', addUp),
};

const KINDS = Object.keys(routeRequirements) as Kind[];

/** The requirements in the metadata of a handler or a class; members that no decorator sets are left out. */
export function readRequirements(read: (key: string) => unknown): RouteRequirements {
  const values = KINDS.map((kind) => [kind, read(routeRequirements[kind].key)] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as RouteRequirements;
}

/** The names of the decorators that set these requirements. */
export function decoratorsOf(requirements: RouteRequirements): readonly string[] {
  return KINDS.filter((kind) => requirements[kind] !== undefined).map(
    (kind) => routeRequirements[kind].decorator,
  );
}
