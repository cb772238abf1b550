import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { TokenRights } from '../claims/token-rights.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { assertArguments, assertDomain, parseAudience } from './profile-arguments.js';
import { readRightsOfClient } from './provider-rights.js';
import { adviseOnWrongToken } from './wrong-tokens.js';

/** The facts of an API in Auth0. */
export interface Auth0Arguments {
  /** The domain of the tenant, or the custom domain that clients use: `example.eu.auth0.com`. */
  readonly domain: string;
  /** The identifier of the API. */
  readonly audience: string | readonly string[];
}

/** What Auth0 lets an API choose, without HS256. */
const ALGORITHMS = Object.freeze(['RS256', 'RS512', 'PS256']);

/**
 * The option `accessToken` for an API in Auth0. Permissions (RBAC of the API) are `permissions` of the verdict.
 *
 * @returns frozen, plain options; spread them to override some: `{ ...auth0(…), algorithms: ['PS256'] }`
 * @throws TypeError that names the argument and the accepted form
 */
export function auth0(facts: Auth0Arguments): JwtAccessTokenOptions {
  assertArguments(facts, 'auth0()', ['domain', 'audience']);
  const { domain, audience } = facts;
  assertDomain(domain, 'auth0() domain', 'example.eu.auth0.com');
  const issuer = `https://${domain}/`;
  return Object.freeze({
    issuer,
    audience: parseAudience(audience, 'auth0() audience'),
    jwksUri: `${issuer}.well-known/jwks.json`,
    typ: Object.freeze(['at+jwt', 'JWT']),
    algorithms: ALGORITHMS,
    readRights: readAuth0Rights,
    advise: adviseOnAuth0Token,
  });
}

/** `azp`, or `client_id` with the RFC 9068 profile. */
function readAuth0Rights(claims: AccessTokenClaims): TokenRights {
  return readRightsOfClient(claims, 'azp', 'client_id');
}

const NAME_AN_AUDIENCE =
  'Auth0 issues an opaque or encrypted token to a client that names no audience: let the client send audience, the identifier of this API, in its authorization and token requests';

function adviseOnAuth0Token(token: RefusedToken, issuer: string): string | undefined {
  const { reason, segments, header, claims } = token;
  if (reason === 'token_invalid' && segments === 1) return NAME_AN_AUDIENCE;
  if (reason === 'token_invalid' && segments === 5) return adviseOnEncrypted(header?.['alg']);
  if (claims?.['iss'] !== issuer) return undefined;
  if (reason === 'token_invalid' && header?.['alg'] === 'HS256')
    return 'choose RS256 as the signing algorithm of this API in Auth0: the service shares no secret with Auth0';
  const advice = adviseOnWrongToken(token);
  if (advice !== undefined) return advice;
  if (reason === 'token_audience')
    return 'let the client send audience, the identifier of this API, in its authorization and token requests to Auth0';
  if (reason === 'token_unbound')
    return 'set the token sender-constraining of this API in Auth0 to DPoP, and require it (proof_of_possession with the mechanism "dpop" and required: true), and let the client send a proof to the token endpoint';
  return undefined;
}

/** Auth0 encrypts with a key of its own for want of an audience, and with the key of an API by a setting. */
function adviseOnEncrypted(alg: unknown): string {
  if (alg === undefined || alg === 'dir') return NAME_AN_AUDIENCE;
  return 'switch off the encryption of access tokens (JWE) for this API in Auth0: the service verifies signed tokens only';
}
