import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RefusedToken } from '../issuer/token-adviser.js';
import { readStandardRights } from '../claims/token-rights.js';
import { assertArguments, assertIssuerUrl, parseAudience } from './profile-arguments.js';
import { adviseOnWrongToken } from './wrong-tokens.js';

/** The facts of an issuer that follows RFC 9068. */
export interface Rfc9068Arguments {
  /** The issuer, exactly as in `iss`. */
  readonly issuer: string;
  /** This service, as the issuer names it in `aud`. */
  readonly audience: string | readonly string[];
}

const REQUIRED_CLAIMS = Object.freeze(['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'] as const);

/**
 * The option `accessToken` for an issuer that follows RFC 9068 to the letter: the header type is `at+jwt`, and all seven
 * claims that §2.2 requires are present.
 *
 * @returns frozen, plain options; spread them to override some
 * @throws TypeError that names the argument and the accepted form
 * @see RFC 9068 §2.2 and §4
 */
export function rfc9068(facts: Rfc9068Arguments): JwtAccessTokenOptions {
  assertArguments(facts, 'rfc9068()', ['issuer', 'audience']);
  const { issuer, audience } = facts;
  assertIssuerUrl(
    issuer,
    'rfc9068() issuer',
    'an https URL, the issuer exactly as in iss, such as "https://auth.example.com", without userinfo, query or fragment',
  );
  return Object.freeze({
    issuer,
    audience: parseAudience(audience, 'rfc9068() audience'),
    typ: 'at+jwt',
    requiredClaims: REQUIRED_CLAIMS,
    readRights: readStandardRights,
    advise: adviseOnRfc9068Token,
  });
}

function adviseOnRfc9068Token(token: RefusedToken, issuer: string): string | undefined {
  if (token.claims?.['iss'] !== issuer) return undefined;
  const advice = adviseOnWrongToken(token);
  if (advice !== undefined) return advice;
  if (token.reason === 'token_type')
    return 'the issuer does not follow RFC 9068, which requires the header type at+jwt: configure it to, or give the service options of its own instead of rfc9068()';
  if (token.reason === 'token_unbound')
    return 'register the client with dpop_bound_access_tokens: true at the issuer, and let the client send a proof to the token endpoint';
  return undefined;
}
