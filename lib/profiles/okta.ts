import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { TokenRights } from '../claims/token-rights.js';
import { fail } from '../errors/option-asserts.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { assertArguments, assertDomain, parseAudience } from './profile-arguments.js';
import { readRightsOfClient } from './provider-rights.js';
import { adviseOnWrongToken } from './wrong-tokens.js';

/** The facts of a custom authorization server of Okta. */
export interface OktaArguments {
  /** The domain of the organization, or its custom domain: `example.okta.com`. */
  readonly domain: string;
  /** The id of the custom authorization server, such as `default`. */
  readonly authorizationServerId: string;
  /** The audience of the authorization server, such as `api://default`. */
  readonly audience: string | readonly string[];
}

const ALGORITHMS = Object.freeze(['RS256']);

/**
 * The option `accessToken` for a custom authorization server of Okta. Tokens of the organization's own server are refused:
 * only Okta can verify them. Groups are in the claims.
 *
 * @returns frozen, plain options; spread them to override some: `{ ...okta(…), clockToleranceSeconds: 5 }`
 * @throws TypeError that names the argument and the accepted form
 */
export function okta(facts: OktaArguments): JwtAccessTokenOptions {
  assertArguments(facts, 'okta()', ['domain', 'authorizationServerId', 'audience']);
  const { domain, authorizationServerId, audience } = facts;
  assertDomain(domain, 'okta() domain', 'example.okta.com');
  if (/-admin\.okta[^.]*\.com$/.test(domain)) {
    fail('okta() domain', 'the domain that clients use, without "-admin"', { value: domain });
  }
  assertServerId(authorizationServerId);
  const issuer = `https://${domain}/oauth2/${authorizationServerId}`;
  return Object.freeze({
    issuer,
    audience: parseAudience(audience, 'okta() audience'),
    jwksUri: `${issuer}/v1/keys`,
    // Okta documents no header type.
    typ: Object.freeze(['absent', 'at+jwt', 'JWT']),
    algorithms: ALGORITHMS,
    readRights: readOktaRights,
    advise: adviseOnOktaToken,
  });
}

function assertServerId(id: unknown): asserts id is string {
  if (typeof id === 'string' && /^[\w-]+$/.test(id)) return;
  fail(
    'okta() authorizationServerId',
    'the id of a custom authorization server, such as "default"; the server of the organization itself, which has none, issues tokens that only Okta can verify',
    { value: id },
  );
}

function readOktaRights(claims: AccessTokenClaims): TokenRights {
  return readRightsOfClient(claims, 'cid');
}

/** The header type with which Okta marks tokens of the organization's server. */
const INTERNAL_TYPE = /^(?:application\/)?okta-internal-at\+jwt$/i;

function adviseOnOktaToken(token: RefusedToken, issuer: string): string | undefined {
  const { reason, header, claims } = token;
  const { origin } = new URL(issuer);
  const iss = claims?.['iss'];
  const typ = header?.['typ'];
  if (iss === origin || (typeof typ === 'string' && INTERNAL_TYPE.test(typ)))
    return 'the authorization server of the Okta organization issued it, and only Okta can verify such tokens: let the client use the custom authorization server that this service lists, and a scope of that server';
  if (reason === 'token_issuer' && typeof iss === 'string' && iss.startsWith(`${origin}/oauth2/`))
    return 'another authorization server of this Okta organization issued it: let the client use the one that this service lists, or change authorizationServerId';
  if (iss !== issuer) return undefined;
  const advice = adviseOnWrongToken(token);
  if (advice !== undefined) return advice;
  if (reason === 'token_audience')
    return 'the authorization server in Okta has one audience for all its tokens: give the service that one as audience, or create a server for this service';
  if (reason === 'token_unbound')
    return 'switch on "Require Demonstrating Proof of Possession (DPoP) header in token requests" for the app in Okta (dpop_bound_access_tokens)';
  return undefined;
}
