import type { AccessTokenClaims } from './access-token.verifier.js';

/**
 * The scopes of a token: `scope` (RFC 9068), or `scp` as a string or an array (Okta, Entra). An empty `scope` says as
 * little as none: some issuers send both claims and fill one.
 */
export function scopesOf({ scope, ['scp']: scp }: AccessTokenClaims): readonly string[] {
  const scopes: unknown = isEmpty(scope) ? scp : scope;
  if (typeof scopes === 'string') return scopes.split(' ').filter(Boolean);
  return Array.isArray(scopes) ? scopes.filter((item) => typeof item === 'string') : [];
}

/** The client: `client_id` (RFC 9068), or `azp` (Auth0, Keycloak, Entra), `cid` (Okta), `appid` (Entra v1). */
export function clientIdOf(claims: AccessTokenClaims): string | undefined {
  const id = [claims.client_id, claims['azp'], claims['cid'], claims['appid']].find(
    (claim) => !isEmpty(claim),
  );
  return typeof id === 'string' ? id : undefined;
}

function isEmpty(claim: unknown): boolean {
  if (claim === undefined || claim === null) return true;
  return typeof claim === 'string' ? claim.trim() === '' : Array.isArray(claim) && claim.length === 0;
}

/** Freezes a JSON value through and through, since one verified token serves many requests. */
export function freezeClaims<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(Object.freeze(value)).forEach(freezeClaims);
  }
  return value;
}
