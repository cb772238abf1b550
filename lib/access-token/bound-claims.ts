import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { isJsonObject } from '../jws/json-object.js';

/**
 * Asserts that a verifier of the app returned claims.
 *
 * @throws DpopUnavailableError `internal_failure`
 */
export function assertClaims(claims: unknown): asserts claims is AccessTokenClaims {
  if (isJsonObject(claims)) return;
  throw new DpopUnavailableError('internal_failure', {
    advice: 'AccessTokenVerifier.verify must return the claims of the token, or throw',
  });
}

/**
 * Asserts that a token sent as `Bearer` is not bound to a key (§7.2): a thief could use it without the key.
 *
 * @throws DpopError `bound_token_as_bearer`
 */
export function assertUnbound({ cnf }: AccessTokenClaims): void {
  if (cnf !== undefined) throw new DpopError('bound_token_as_bearer');
}

/**
 * The thumbprint of the key that the token is bound to: the top-level claim `cnf.jkt` (§6).
 *
 * @throws DpopError `token_unbound`
 */
export function boundThumbprint({ cnf }: AccessTokenClaims): string {
  const jkt: unknown = isJsonObject(cnf) ? cnf.jkt : undefined;
  if (typeof jkt !== 'string' || jkt === '') throw new DpopError('token_unbound');
  return jkt;
}
