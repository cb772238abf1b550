import { DpopError } from '../errors/dpop.error.js';
import type { Clock } from '../runtime/clock.js';
import type { AuthenticationRequirement, DpopPolicy } from './policy.js';
import type { DpopVerdict } from './verdict.js';

/**
 * What the route asks for beyond possession: a nonce, scopes, an authentication.
 *
 * @param freshNonce makes the nonce that a demand for one hands out
 * @throws DpopError
 */
export function assertPolicy(
  verdict: DpopVerdict,
  policy: DpopPolicy,
  clock: Clock,
  freshNonce: () => string,
): void {
  if (lacksNonce(verdict, policy)) throw new DpopError('nonce_missing', { nonce: freshNonce() });
  if (policy.scopes !== undefined && !policy.scopes.every((scope) => verdict.scopes.includes(scope))) {
    throw new DpopError('scope_insufficient', { scopes: policy.scopes });
  }
  if (policy.authentication !== undefined)
    assertAuthentication(verdict, policy.authentication, clock() / 1000);
}

export function lacksNonce(verdict: DpopVerdict, policy: DpopPolicy): boolean {
  return verdict.scheme === 'DPoP' && policy.nonce === 'required' && !verdict.hasNonce;
}

/** RFC 9470 §5: both `acr` and `auth_time` are claims of the token; without them the demand is not met. */
function assertAuthentication(
  { claims }: DpopVerdict,
  requirement: AuthenticationRequirement,
  nowSeconds: number,
): void {
  const { acrValues, maxAgeSeconds } = requirement;
  const { acr, auth_time: authTime } = claims;
  const strongEnough = acrValues === undefined || (typeof acr === 'string' && acrValues.includes(acr));
  const recentEnough =
    maxAgeSeconds === undefined || (typeof authTime === 'number' && nowSeconds - authTime <= maxAgeSeconds);
  if (!strongEnough || !recentEnough) throw new DpopError('authentication_insufficient', requirement);
}
