import { DpopError } from '../errors/dpop.error.js';
import type { JsonObject } from '../json-object.js';

/** What is asked of the header and the claims of a JWT access token. */
export interface JwtRules {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Without `application/`, in lower case; or `any`. */
  readonly types: readonly string[];
  readonly toleranceSeconds: number;
}

/** The header types as they are compared (RFC 7515 §4.1.9). */
export function normalizeType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

/** RFC 9068 §4, RFC 8725 §3.11. */
export function assertType(typ: unknown, { types }: JwtRules): void {
  if (types.includes('any')) return;
  if (typeof typ !== 'string' || !types.includes(normalizeType(typ))) throw new DpopError('token_type');
}

/** RFC 9068 §4: who issued the token, and for whom; one of several audiences suffices. */
export function assertIssuerAndAudience({ iss, aud }: JsonObject, { issuer, audiences }: JwtRules): void {
  if (iss !== issuer) throw new DpopError('token_issuer');
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((audience) => named.includes(audience))) throw new DpopError('token_audience');
}

/** RFC 7519 §4.1.4 to §4.1.6; without an end the token would be good for ever. */
export function assertTimes({ exp, nbf, iat }: JsonObject, rules: JwtRules, nowSeconds: number): void {
  const { toleranceSeconds } = rules;
  if (!isTime(exp) || !(nbf === undefined || isTime(nbf)) || !(iat === undefined || isTime(iat))) {
    throw new DpopError('token_invalid');
  }
  const latestSeconds = nowSeconds + toleranceSeconds;
  if ((nbf ?? 0) > latestSeconds || (iat ?? 0) > latestSeconds) throw new DpopError('token_not_yet_valid');
  if (nowSeconds >= exp + toleranceSeconds) throw new DpopError('token_expired');
}

/** `1e400` is a legal JSON number and Infinity once parsed. */
const isTime = (value: unknown): value is number => Number.isFinite(value);
