import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from '../http/challenge.js';
import { type AuthenticationRequirement, type DpopPolicy, permitsBearer } from './policy.js';
import type { DpopVerdict } from './verdict.js';

/**
 * Before anything is verified: whether the route takes this scheme.
 *
 * @throws DpopError
 */
export function assertScheme(
  scheme: Scheme,
  policy: DpopPolicy,
  rules: { readonly forbidsBearer: boolean },
): void {
  if (scheme === 'Bearer' && !permitsBearer(policy, rules)) throw new DpopError('bearer_not_accepted');
}

/**
 * After possession is proved: the nonce, the scopes and the authentication that the route requires.
 *
 * @throws DpopError; one that demands a nonce does not carry it yet
 */
export function assertRequirements(verdict: DpopVerdict, policy: DpopPolicy, nowSeconds: number): void {
  if (verdict.scheme === 'DPoP' && policy.nonce === 'required' && !verdict.hasNonce)
    throw new DpopError('nonce_missing');
  if (policy.scopes !== undefined && !policy.scopes.every((scope) => verdict.scopes.includes(scope))) {
    throw new DpopError('scope_insufficient', { scopes: policy.scopes });
  }
  if (policy.authentication !== undefined) assertAuthentication(verdict, policy.authentication, nowSeconds);
}

/** RFC 9470 §5: both `acr` and `auth_time` are claims of the token; without them the requirement is not met. */
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
