import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { isJsonObject } from '../jws/json-object.js';
import type { AccessTokenClaims } from './access-token.verifier.js';

/** A verifier of the app's own may answer anything; without claims there is no verdict. */
export function assertClaims(claims: unknown): asserts claims is AccessTokenClaims {
  if (isJsonObject(claims)) return;
  throw new DpopUnavailableError('internal_failure', {
    advice: 'AccessTokenVerifier.verify must return the claims of the token, or throw',
  });
}

/** A bound token that is sent as `Bearer` would be worth as much to a thief as an unbound one (§7.2). */
export function assertUnbound({ cnf }: AccessTokenClaims): void {
  if (cnf !== undefined) throw new DpopError('bound_token_as_bearer');
}

/** The key that the token is bound to: `cnf.jkt` at the top level, and nowhere else (§6). */
export function boundThumbprint({ cnf }: AccessTokenClaims): string {
  const jkt: unknown = isJsonObject(cnf) ? cnf.jkt : undefined;
  if (typeof jkt !== 'string' || jkt === '') throw new DpopError('token_unbound');
  return jkt;
}
