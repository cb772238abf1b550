import { KeyObject } from 'node:crypto';
import type { CryptoKey, JWTHeaderParameters } from 'jose';
import type { Clock } from '../clock.js';
import { DpopError } from '../errors/dpop.error.js';
import type { JsonObject } from '../json-object.js';
import { DEFAULT_ALGORITHMS, JWS_ALGORITHMS, type JwsAlgorithm } from '../jws/algorithms.js';
import { type CompactJws, parseCompactJws } from '../jws/compact-jws.js';
import { findDegenerateMember } from '../jws/degenerate-key.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { createSignatureKey, isSignedBy, type SignatureKey } from '../jws/signature.js';
import { signatureTurn } from '../jws/signature-turns.js';
import { type AccessTokenClaims, AccessTokenVerifier } from './access-token.verifier.js';
import { freezeClaims } from './claims.js';
import { createIssuerKeys, isAboutToken, type IssuerKeys } from './issuer-keys.js';
import type { JwtAccessTokenOptions } from './jwt-access-token.options.js';
import {
  assertIssuerAndAudience,
  assertTimes,
  assertType,
  type JwtRules,
  normalizeType,
} from './jwt-checks.js';

const DEFAULT_TYP = 'at+jwt';
const DEFAULT_TOLERANCE_SECONDS = 10;
/** RFC 7518 §3.3 and §3.5. */
const LEAST_RSA_BITS = 2048;

/**
 * Verifies the JWT access tokens of one issuer: signature, type, issuer, audience, times. jose finds the key among the
 * issuer's; `crypto.verify` needs half of what WebCrypto takes.
 *
 * @see RFC 9068 §4, RFC 8725
 */
export class JwtAccessTokenVerifier extends AccessTokenVerifier {
  readonly issuer: string;
  readonly toleranceSeconds: number;
  readonly #keys: IssuerKeys;
  readonly #algorithms: ReadonlySet<string>;
  readonly #rules: JwtRules;
  readonly #clock: Clock;
  readonly #signatureKeys = new WeakMap<CryptoKey, SignatureKey>();

  constructor(options: JwtAccessTokenOptions, clock: Clock) {
    super();
    this.issuer = options.issuer;
    this.toleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
    this.#keys = createIssuerKeys(options, clock);
    this.#algorithms = new Set(options.algorithms ?? DEFAULT_ALGORITHMS);
    this.#rules = {
      issuer: options.issuer,
      audiences: [options.audience].flat(),
      types: [options.typ ?? DEFAULT_TYP].flat().map(normalizeType),
      toleranceSeconds: this.toleranceSeconds,
    };
    this.#clock = clock;
  }

  /** See `IssuerKeys.generation`. */
  keyGeneration(): object | undefined {
    return this.#keys.generation();
  }

  override async verify(token: string): Promise<AccessTokenClaims> {
    const jws = parseCompactJws(token);
    if (jws === undefined) throw new DpopError('token_invalid');
    const header = parseJsonSegment(jws.header);
    const claims = parseJsonSegment(jws.payload);
    if (header === undefined || claims === undefined) throw new DpopError('token_invalid');
    if (!(await this.#isSigned(jws, header))) throw new DpopError('token_invalid');
    assertType(header['typ'], this.#rules);
    assertIssuerAndAudience(claims, this.#rules);
    assertTimes(claims, this.#rules, this.#clock() / 1000);
    return freezeClaims(claims);
  }

  async #isSigned(jws: CompactJws, header: JsonObject): Promise<boolean> {
    const { alg, crit } = header;
    const algorithm =
      typeof alg === 'string' && this.#algorithms.has(alg) ? JWS_ALGORITHMS.get(alg) : undefined;
    // No extension of JWS is understood here, so none may be critical (RFC 7515 §4.1.11).
    if (algorithm === undefined || crit !== undefined) return false;
    try {
      const { payload, signature } = jws;
      const key = await this.#keys.find(header as JWTHeaderParameters, { payload, signature });
      return await this.#isSignedBy(jws, key as CryptoKey, algorithm);
    } catch (error) {
      // What is not the fault of the token must not be answered with 401.
      if (!isAboutToken(error)) throw error;
      if (!isSeveralKeys(error)) return false;
      // A token without `kid`, and an issuer with several keys of that kind: any of them may be the one.
      for await (const key of error) if (await this.#isSignedBy(jws, key, algorithm)) return true;
      return false;
    }
  }

  async #isSignedBy(jws: CompactJws, cryptoKey: CryptoKey, algorithm: JwsAlgorithm): Promise<boolean> {
    await signatureTurn();
    const known = this.#signatureKeys.get(cryptoKey);
    if (known !== undefined) return isSignedBy(jws, known);
    const keyObject = KeyObject.from(cryptoKey);
    const { modulusLength = LEAST_RSA_BITS } = keyObject.asymmetricKeyDetails ?? {};
    if (modulusLength < LEAST_RSA_BITS) return false;
    if (findDegenerateMember(keyObject.export({ format: 'jwk' })) !== undefined) return false;
    const key = createSignatureKey(keyObject, algorithm);
    this.#signatureKeys.set(cryptoKey, key);
    return isSignedBy(jws, key);
  }
}

function isSeveralKeys(error: unknown): error is AsyncIterable<CryptoKey> {
  return (error as { code?: unknown } | null)?.code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS';
}
