import { DpopError } from '../errors/dpop.error.js';
import {
  DEFAULT_TOLERANCE_SECONDS,
  type JwtAccessTokenOptions,
  REQUIRABLE_CLAIMS,
  type RequirableClaim,
} from '../issuer/jwt-access-token-options.js';
import type { JsonObject } from '../jws/json-object.js';

/** The requirements for the header and the claims of a JWT access token. */
export interface JwtRules {
  readonly issuers: readonly [string];
  readonly audiences: readonly string[];
  /** Without `application/`, in lower case. */
  readonly types: readonly string[];
  readonly acceptsAnyType: boolean;
  readonly acceptsAbsentType: boolean;
  readonly requiredClaims: readonly RequirableClaim[];
  readonly toleranceSeconds: number;
}

const DEFAULT_TYP = 'at+jwt';
/** Values of the option `typ` that are not header types. */
const ANY = 'any';
const ABSENT = 'absent';

export function createJwtRules({
  issuer,
  audience,
  typ = DEFAULT_TYP,
  requiredClaims = [],
  clockToleranceSeconds = DEFAULT_TOLERANCE_SECONDS,
}: JwtAccessTokenOptions): JwtRules {
  const types = [typ].flat();
  return {
    issuers: [issuer],
    audiences: [audience].flat(),
    types: types.filter((type) => type !== ANY && type !== ABSENT).map(normalizeType),
    acceptsAnyType: types.includes(ANY),
    acceptsAbsentType: types.includes(ABSENT),
    requiredClaims,
    toleranceSeconds: clockToleranceSeconds,
  };
}

/** The form in which header types are compared (RFC 7515 §4.1.9). */
function normalizeType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

/** RFC 9068 §4, RFC 8725 §3.11. */
export function assertType(typ: unknown, { types, acceptsAnyType, acceptsAbsentType }: JwtRules): void {
  if (acceptsAnyType || (acceptsAbsentType && typ === undefined)) return;
  if (typeof typ === 'string' && types.includes(normalizeType(typ))) return;
  throw new DpopError('token_type', { expected: acceptsAbsentType ? [...types, ABSENT] : types });
}

/** RFC 9068 §4: the issuer must be this one, and one of the audiences must match. */
export function assertIssuerAndAudience({ iss, aud }: JsonObject, { issuers, audiences }: JwtRules): void {
  if (iss !== issuers[0]) throw new DpopError('token_issuer', { expected: issuers });
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audiences.some((audience) => named.includes(audience))) return;
  throw new DpopError('token_audience', { expected: audiences });
}

/** RFC 7519 §4.1.4 to §4.1.6. `exp` is required: without it a token would never expire. */
export function assertTimes({ exp, nbf, iat }: JsonObject, rules: JwtRules, nowSeconds: number): void {
  const { toleranceSeconds } = rules;
  if (!isTime(exp)) throw new DpopError('token_invalid', { detail: 'exp' });
  assertNotLater('nbf', nbf, nowSeconds + toleranceSeconds);
  assertNotLater('iat', iat, nowSeconds + toleranceSeconds);
  const lateBySeconds = nowSeconds - (exp + toleranceSeconds);
  if (lateBySeconds >= 0) throw new DpopError('token_expired', { offBySeconds: Math.ceil(lateBySeconds) });
}

/** RFC 9068 §2.2, as far as the options require it. */
export function assertRequiredClaims(claims: JsonObject, { requiredClaims }: JwtRules): void {
  const missing = requiredClaims.find((name) => !HAS_FORM[REQUIRABLE_CLAIMS[name]](claims[name]));
  if (missing !== undefined) throw new DpopError('token_invalid', { detail: missing });
}

function assertNotLater(detail: 'nbf' | 'iat', time: unknown, latestSeconds: number): void {
  if (time === undefined) return;
  if (!isTime(time)) throw new DpopError('token_invalid', { detail });
  if (time <= latestSeconds) return;
  throw new DpopError('token_not_yet_valid', { detail, offBySeconds: Math.ceil(time - latestSeconds) });
}

/** JSON allows `1e400`, which is parsed as Infinity. */
const isTime = (value: unknown): value is number => Number.isFinite(value);

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

const HAS_FORM = {
  text: isText,
  time: isTime,
  audience: (value: unknown): boolean => isText(value) || (Array.isArray(value) && value.some(isText)),
} as const;
