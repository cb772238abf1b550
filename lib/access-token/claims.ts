import type { AccessTokenClaims } from './access-token.verifier.js';

/**
 * The scopes of a token: `scope` (RFC 9068), or `scp` as a string or an array (Okta, Entra). An empty `scope` counts as
 * missing, because some issuers send both claims and fill one.
 */
export function scopesOf({ scope, ['scp']: scp }: AccessTokenClaims): readonly string[] {
  const scopes = namesIn(scope);
  return scopes.length === 0 && isEmpty(scope) ? namesIn(scp) : scopes;
}

function namesIn(claim: unknown): readonly string[] {
  if (typeof claim === 'string') return claim.split(' ').filter(Boolean);
  return Array.isArray(claim) ? claim.filter((item) => typeof item === 'string') : [];
}

/** A `scope` of any other form is not empty, so that `scp` is not read: this issuer uses the claim for something else. */
function isEmpty(claim: unknown): boolean {
  if (typeof claim === 'string') return true;
  return claim === undefined || claim === null || (Array.isArray(claim) && claim.length === 0);
}

/** The client: `client_id` (RFC 9068), or `azp` (Auth0, Keycloak, Entra), `cid` (Okta), `appid` (Entra v1). */
export function clientIdOf(claims: AccessTokenClaims): string | undefined {
  const id = [claims.client_id, claims['azp'], claims['cid'], claims['appid']].find(
    (claim) => claim !== undefined && claim !== null && claim !== '',
  );
  return typeof id === 'string' ? id : undefined;
}

/** Freezes a JSON value deeply, because one verified token serves many requests. */
export function freezeClaims<T>(value: T): T {
  // A value that is no object counts as frozen.
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freezeClaims);
  return value;
}
