import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from '../http/challenge.js';
import { type AuthenticationRequirement, type DpopPolicy, permitsBearer } from './policy.js';
import { assertPredicates, assertRights, assertScopes } from './rights-checks.js';
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
 * After possession is proved: the nonce, the rights and the authentication that the route requires. The predicates of the
 * app come last, since they may cost the most.
 *
 * @returns a promise only if a predicate returned one
 * @throws DpopError; one that demands a nonce does not carry it yet. DpopUnavailableError when a predicate fails
 */
export function assertRequirements(
  verdict: DpopVerdict,
  policy: DpopPolicy,
  nowSeconds: number,
): Promise<void> | undefined {
  if (verdict.scheme === 'DPoP' && policy.nonce === 'required' && !verdict.hasNonce)
    throw new DpopError(verdict.hasTicket ? 'ticket_nonce' : 'nonce_missing');
  assertScopes(verdict, policy);
  assertRights(verdict, policy);
  if (policy.authentication !== undefined) assertAuthentication(verdict, policy.authentication, nowSeconds);
  return policy.predicates === undefined ? undefined : assertPredicates(verdict, policy.predicates);
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
