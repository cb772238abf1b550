import { DpopError } from '../errors/dpop.error.js';
import { DEFAULT_TOLERANCE_SECONDS, type JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { JsonObject } from '../jws/json-object.js';

/** What is asked of the header and the claims of a JWT access token. */
export interface JwtRules {
  readonly issuers: readonly [string];
  readonly audiences: readonly string[];
  /** Without `application/`, in lower case. */
  readonly types: readonly string[];
  readonly acceptsAnyType: boolean;
  readonly acceptsAbsentType: boolean;
  readonly toleranceSeconds: number;
}

const DEFAULT_TYP = 'at+jwt';
/** Values of the option that are no header types. */
const ANY = 'any';
const ABSENT = 'absent';

export function createJwtRules({
  issuer,
  audience,
  typ = DEFAULT_TYP,
  clockToleranceSeconds = DEFAULT_TOLERANCE_SECONDS,
}: JwtAccessTokenOptions): JwtRules {
  const types = [typ].flat();
  return {
    issuers: [issuer],
    audiences: [audience].flat(),
    types: types.filter((type) => type !== ANY && type !== ABSENT).map(normalizeType),
    acceptsAnyType: types.includes(ANY),
    acceptsAbsentType: types.includes(ABSENT),
    toleranceSeconds: clockToleranceSeconds,
  };
}

/** Header types as they are compared (RFC 7515 §4.1.9). */
function normalizeType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

/** RFC 9068 §4, RFC 8725 §3.11. */
export function assertType(typ: unknown, { types, acceptsAnyType, acceptsAbsentType }: JwtRules): void {
  if (acceptsAnyType || (acceptsAbsentType && typ === undefined)) return;
  if (typeof typ === 'string' && types.includes(normalizeType(typ))) return;
  throw new DpopError('token_type', { expected: acceptsAbsentType ? [...types, ABSENT] : types });
}

/** RFC 9068 §4: who issued the token, and for whom; one of several audiences suffices. */
export function assertIssuerAndAudience({ iss, aud }: JsonObject, { issuers, audiences }: JwtRules): void {
  if (iss !== issuers[0]) throw new DpopError('token_issuer', { expected: issuers });
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (audiences.some((audience) => named.includes(audience))) return;
  throw new DpopError('token_audience', { expected: audiences });
}

/** RFC 7519 §4.1.4 to §4.1.6; without an end the token would be good for ever. */
export function assertTimes({ exp, nbf, iat }: JsonObject, rules: JwtRules, nowSeconds: number): void {
  const { toleranceSeconds } = rules;
  if (!isTime(exp)) throw new DpopError('token_invalid', { detail: 'exp' });
  assertBegun('nbf', nbf, nowSeconds + toleranceSeconds);
  assertBegun('iat', iat, nowSeconds + toleranceSeconds);
  const lateBySeconds = nowSeconds - (exp + toleranceSeconds);
  if (lateBySeconds >= 0) throw new DpopError('token_expired', { offBySeconds: Math.ceil(lateBySeconds) });
}

function assertBegun(detail: 'nbf' | 'iat', time: unknown, latestSeconds: number): void {
  if (time === undefined) return;
  if (!isTime(time)) throw new DpopError('token_invalid', { detail });
  if (time <= latestSeconds) return;
  throw new DpopError('token_not_yet_valid', { detail, offBySeconds: Math.ceil(time - latestSeconds) });
}

/** `1e400` is a legal JSON number and Infinity once parsed. */
const isTime = (value: unknown): value is number => Number.isFinite(value);
