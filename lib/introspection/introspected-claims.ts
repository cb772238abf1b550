import {
  type JwtRules,
  assertGivenTimes,
  assertIssuerAndAudience,
  assertRequiredClaims,
  isTime,
} from '../access-token/jwt-checks.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopError } from '../errors/dpop.error.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { OutboundError } from '../outbound/outbound-request.js';

/** What the response about a token must say. */
export interface IntrospectionRules extends JwtRules {
  readonly acceptsAbsentAudience: boolean;
}

/** The type of a bound token (RFC 9449 §5). */
const DPOP = 'dpop';

/**
 * The claims of an active token for this service. An absent `iss` is that of the issuer which was asked: its endpoint
 * speaks for it.
 *
 * @param signed the claims of a token whose signature was verified. They take precedence, and the response must not
 *   contradict them
 * @throws DpopError when the token is not good here; OutboundError when the response cannot be trusted
 * @see RFC 7662 §2.2, RFC 9449 §6.2
 */
export function readIntrospectedClaims(
  response: JsonObject,
  rules: IntrospectionRules,
  nowSeconds: number,
  signed?: AccessTokenClaims,
): AccessTokenClaims {
  if (response['active'] !== true) throw new DpopError('token_inactive');
  assertFormOfTimes(response);
  const [issuer] = rules.issuers;
  const claims: JsonObject = { ...response, iss: response['iss'] ?? issuer };
  assertFor(claims, rules, signed);
  assertGivenTimes(claims, rules, nowSeconds);
  assertTokenType(claims);
  if (signed !== undefined) assertSameKey(claims, signed);
  const merged = { ...claims, ...signed };
  assertRequiredClaims(merged, rules);
  return merged;
}

/** A client cannot influence what the issuer says about times. */
function assertFormOfTimes(response: JsonObject): void {
  for (const name of ['exp', 'nbf', 'iat']) {
    const time = response[name];
    if (time !== undefined && !isTime(time))
      throw new OutboundError(`its response has an ${name} that is no number`);
  }
}

function assertFor(
  claims: JsonObject,
  rules: IntrospectionRules,
  signed: AccessTokenClaims | undefined,
): void {
  const mayBeAbsent = rules.acceptsAbsentAudience || signed !== undefined;
  const isAbsent = claims['aud'] === undefined && mayBeAbsent;
  assertIssuerAndAudience(isAbsent ? { ...claims, aud: rules.audiences[0] } : claims, rules);
}

/** `token_type` must agree with `cnf`: one of both alone would let a bound token pass as an unbound one, or the reverse. */
function assertTokenType({ token_type: type, cnf }: JsonObject): void {
  const isDpop = typeof type === 'string' && type.toLowerCase() === DPOP;
  const isBound = isJsonObject(cnf) && cnf['jkt'] !== undefined;
  if (isBound && type !== undefined && !isDpop) throw new DpopError('token_type', { expected: ['DPoP'] });
  if (!isBound && isDpop) throw new DpopError('token_unbound');
}

function assertSameKey({ cnf }: JsonObject, signed: AccessTokenClaims): void {
  if (cnf === undefined || signed.cnf === undefined) return;
  const jkt: unknown = isJsonObject(cnf) ? cnf['jkt'] : undefined;
  if (jkt !== signed.cnf.jkt) throw new OutboundError('its response names another key than the signed token');
}
