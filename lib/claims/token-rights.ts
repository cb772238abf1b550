import type { AccessTokenClaims } from './access-token-claims.js';

/** What a token permits, in one form for all issuers. */
export interface TokenRights {
  readonly scopes: readonly string[];
  /** The roles that the issuer grants for the whole of its realm, tenant or organization. */
  readonly roles: readonly string[];
  /** The roles that hold for one client or API only, by its id, where the issuer tells them apart. */
  readonly clientRoles: Readonly<Record<string, readonly string[]>>;
  readonly permissions: readonly string[];
  /** The client that the token was issued to. */
  readonly clientId: string | undefined;
}

/** Reads the rights from the claims of one issuer. */
export type RightsReader = (claims: AccessTokenClaims) => TokenRights;

/** Without a prototype: a client may be called `constructor`. */
const NO_CLIENT_ROLES: TokenRights['clientRoles'] = Object.freeze(
  Object.create(null) as Record<string, readonly string[]>,
);

/**
 * Reads the rights from the claims that RFC 9068 names and from those that most providers use: `scope` or `scp`, `roles`,
 * `permissions`, and `client_id`, `azp`, `cid` or `appid`. The default of `readRights`, and the start for one of your own.
 */
export function readStandardRights(claims: AccessTokenClaims): TokenRights {
  return {
    scopes: scopesOf(claims),
    roles: stringsIn(claims['roles']),
    clientRoles: NO_CLIENT_ROLES,
    permissions: stringsIn(claims['permissions']),
    clientId: clientIdOf(claims),
  };
}

/**
 * The scopes of a token: `scope` (RFC 9068), or `scp` as a string or an array (Okta, Entra). An empty `scope` counts as
 * missing, because some issuers send both claims and fill one.
 */
function scopesOf({ scope, ['scp']: scp }: AccessTokenClaims): readonly string[] {
  const scopes = namesIn(scope);
  return scopes.length === 0 && isEmpty(scope) ? namesIn(scp) : scopes;
}

function namesIn(claim: unknown): readonly string[] {
  return typeof claim === 'string' ? claim.split(' ').filter(Boolean) : stringsIn(claim);
}

/** @internal The strings of a claim that is an array. */
export function stringsIn(claim: unknown): readonly string[] {
  return Array.isArray(claim) ? claim.filter((item) => typeof item === 'string') : [];
}

/** A `scope` of any other form is not empty, so that `scp` is not read: this issuer uses the claim for something else. */
function isEmpty(claim: unknown): boolean {
  if (typeof claim === 'string') return true;
  return claim === undefined || claim === null || (Array.isArray(claim) && claim.length === 0);
}

/** The client: `client_id` (RFC 9068), or `azp` (Auth0, Keycloak, Entra), `cid` (Okta), `appid` (Entra v1). */
function clientIdOf(claims: AccessTokenClaims): string | undefined {
  const id = [claims.client_id, claims['azp'], claims['cid'], claims['appid']].find(
    (claim) => claim !== undefined && claim !== null && claim !== '',
  );
  return typeof id === 'string' ? id : undefined;
}
