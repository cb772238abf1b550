import { DpopError } from '../errors/dpop.error.js';
import { parseCompactJws } from '../jws/compact-jws.js';
import { isJsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { BoundedCache, type CacheBounds } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';
import { type AccessTokenClaims, AccessTokenVerifier } from './access-token.verifier.js';
import type { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';

/** How a token was verified. */
interface Verification {
  readonly verifier: JwtAccessTokenVerifier;
  /** The generation of the issuer's keys, unchanged during the verification. */
  readonly generation: object;
}

interface KnownToken extends Verification {
  readonly claims: AccessTokenClaims;
}

/**
 * Verifies the tokens of several issuers, each with the rules and keys of the issuer that the token names, never with
 * those of another. A token of an accepted request is cached until it expires or the keys of its issuer rotate.
 */
export class TrustedIssuersVerifier extends AccessTokenVerifier {
  readonly #issuers: ReadonlyMap<string, JwtAccessTokenVerifier>;
  readonly #fallback: AccessTokenVerifier | undefined;
  readonly #known: BoundedCache<KnownToken>;
  /** For requests that are still being verified. */
  readonly #verifications = new WeakMap<AccessTokenClaims, Verification>();
  readonly #verifiedByFallback = new WeakSet<AccessTokenClaims>();
  readonly #clock: Clock;
  /** For the operator: the issuers whose tokens are accepted. */
  readonly #issuerNames: readonly string[];

  /** @param fallback verifies tokens that name none of the issuers, such as opaque tokens */
  constructor(
    issuers: readonly JwtAccessTokenVerifier[],
    fallback: AccessTokenVerifier | undefined,
    bounds: CacheBounds,
    clock: Clock,
  ) {
    super();
    this.#issuers = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
    this.#fallback = fallback;
    this.#known = new BoundedCache(bounds);
    this.#clock = clock;
    this.#issuerNames = [...this.#issuers.keys()];
  }

  override async open(warn: (text: string) => void): Promise<void> {
    await Promise.all([...this.#verifiers()].map(async (verifier) => await verifier.open?.(warn)));
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#verifiers()].map(async (verifier) => await verifier.close?.()));
  }

  override verify(token: string, ath: string): AccessTokenClaims | Promise<AccessTokenClaims> {
    return this.#recall(ath) ?? this.#verifyUnknown(token, ath);
  }

  override remember(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void> {
    if (this.#verifiedByFallback.has(claims)) return this.#fallback?.remember?.(token, ath, claims);
    const verification = this.#verifications.get(claims);
    if (verification === undefined) return undefined;
    this.#verifications.delete(claims);
    this.#known.set(ath, { claims, ...verification }, 2 * token.length);
    return undefined;
  }

  #recall(ath: string): AccessTokenClaims | undefined {
    const known = this.#known.get(ath);
    if (known === undefined) return undefined;
    const { claims, verifier, generation } = known;
    const expiresAtSeconds = (claims.exp ?? 0) + verifier.toleranceSeconds;
    if (this.#clock() / 1000 < expiresAtSeconds && verifier.keyGeneration() === generation) return claims;
    this.#known.delete(ath);
    return undefined;
  }

  *#verifiers(): Generator<AccessTokenVerifier> {
    yield* this.#issuers.values();
    if (this.#fallback !== undefined) yield this.#fallback;
  }

  async #verifyUnknown(token: string, ath: string): Promise<AccessTokenClaims> {
    const issuer = issuerOf(token);
    const verifier = issuer === undefined ? undefined : this.#issuers.get(issuer);
    if (verifier === undefined) {
      if (this.#fallback === undefined) {
        throw issuer === undefined
          ? new DpopError('token_invalid', { detail: detailOfMissingIssuer(token) })
          : new DpopError('token_issuer', { expected: this.#issuerNames });
      }
      const claims = await this.#fallback.verify(token, ath);
      if (isJsonObject(claims)) this.#verifiedByFallback.add(claims);
      return claims;
    }
    const generation = verifier.keyGeneration();
    const claims = await verifier.verify(token);
    // If the keys rotated meanwhile, the key that verified this token may be revoked.
    if (generation !== undefined && generation === verifier.keyGeneration()) {
      this.#verifications.set(claims, { verifier, generation });
    }
    return claims;
  }
}

/** The part of the token because of which it names no issuer. */
function detailOfMissingIssuer(token: string): 'segments' | 'payload' | 'iss' {
  const jws = parseCompactJws(token);
  if (jws === undefined) return 'segments';
  return parseJsonSegment(jws.payload) === undefined ? 'payload' : 'iss';
}

/** The issuer that a token names, not verified yet. */
function issuerOf(token: string): string | undefined {
  const [, payload = '', signature, more] = token.split('.', 4);
  if (signature === undefined || more !== undefined) return undefined;
  const iss = parseJsonSegment(payload)?.['iss'];
  return typeof iss === 'string' ? iss : undefined;
}
