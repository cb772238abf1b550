import { type CryptoKey, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import type { Clock } from '../clock.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { type AccessTokenClaims, AccessTokenVerifier } from './access-token.verifier.js';
import { freezeClaims } from './claims.js';
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.js';
import { DEFAULT_TOKEN_ALGORITHMS, type JwtAccessTokenOptions } from './jwt-access-token.options.js';

const DEFAULT_TYP = 'at+jwt';
const DEFAULT_TOLERANCE_SECONDS = 10;
/** jose's decoder forgives padding and the alphabet of base64: one token would have many spellings. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Verifies the JWT access tokens of one issuer: signature, type, issuer, audience, times.
 *
 * @see RFC 9068 §4, RFC 8725
 */
export class JwtAccessTokenVerifier extends AccessTokenVerifier {
  readonly issuer: string;
  readonly toleranceSeconds: number;
  readonly #keys: IssuerKeys;
  readonly #types: readonly string[];
  readonly #rules: JWTVerifyOptions;
  readonly #clock: Clock;

  constructor(options: JwtAccessTokenOptions, clock: Clock) {
    super();
    this.issuer = options.issuer;
    this.toleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
    this.#keys = createIssuerKeys(options, clock);
    this.#types = [options.typ ?? DEFAULT_TYP].flat().map(normalizeType);
    this.#rules = {
      algorithms: [...(options.algorithms ?? DEFAULT_TOKEN_ALGORITHMS)],
      issuer: options.issuer,
      audience: typeof options.audience === 'string' ? options.audience : [...options.audience],
      clockTolerance: this.toleranceSeconds,
      requiredClaims: ['exp'],
    };
    this.#clock = clock;
  }

  /** See `IssuerKeys.generation`. */
  keyGeneration(): object | undefined {
    return this.#keys.generation();
  }

  override async verify(token: string): Promise<AccessTokenClaims> {
    if (!COMPACT_JWS.test(token)) throw new DpopError('token_invalid');
    const now = this.#clock();
    const { payload, protectedHeader } = await this.#verifyJwt(token, {
      ...this.#rules,
      currentDate: new Date(now),
    });
    this.#assertType(protectedHeader.typ);
    if (payload.iat !== undefined && payload.iat > now / 1000 + this.toleranceSeconds) {
      throw new DpopError('token_not_yet_valid');
    }
    return freezeClaims(payload) as AccessTokenClaims;
  }

  async #verifyJwt(token: string, rules: JWTVerifyOptions): Promise<JWTVerifyResult> {
    try {
      return await jwtVerify(token, this.#keys.find, rules);
    } catch (error) {
      if (!isSeveralKeys(error)) throw toTokenError(error);
      // A token without `kid`, and an issuer with several keys of that kind: any of them may be the one.
      for await (const key of error) {
        try {
          return await jwtVerify(token, key, rules);
        } catch (attempt) {
          if (codeOf(attempt) !== 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED') throw toTokenError(attempt);
        }
      }
      throw new DpopError('token_invalid');
    }
  }

  #assertType(typ: unknown): void {
    if (this.#types.includes('any')) return;
    if (typeof typ !== 'string' || !this.#types.includes(normalizeType(typ)))
      throw new DpopError('token_type');
  }
}

/** Media types compare without case and without `application/` (RFC 7515 §4.1.9). */
function normalizeType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

function isSeveralKeys(error: unknown): error is AsyncIterable<CryptoKey> {
  return codeOf(error) === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS';
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/** Told apart by code, not by class: a process may hold two copies of jose. */
function toTokenError(error: unknown): DpopError | DpopUnavailableError {
  if (error instanceof DpopUnavailableError) return error;
  const { claim, reason } = error as { claim?: unknown; reason?: unknown };
  if (codeOf(error) === 'ERR_JWT_EXPIRED') return new DpopError('token_expired');
  if (claim === 'aud') return new DpopError('token_audience');
  if (claim === 'iss') return new DpopError('token_issuer');
  if (claim === 'nbf' && reason === 'check_failed') return new DpopError('token_not_yet_valid');
  return new DpopError('token_invalid');
}
