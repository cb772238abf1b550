import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { RefusalReason } from '../errors/catalogue.js';
import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { isJsonObject } from '../jws/json-object.js';
import { BoundedCache, type CacheBounds } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import type { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';
import { describeRefused, type PresentedJwt, readPresentedJwt } from './presented-jwt.js';

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
  readonly #hasAdvisers: boolean;

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
    this.#hasAdvisers = issuers.some(({ adviser }) => adviser !== undefined);
  }

  override async open(warn: (text: string) => void): Promise<void> {
    await Promise.all([...this.#verifiers()].map(async (verifier) => await verifier.open?.(warn)));
  }

  override async close(): Promise<void> {
    await Promise.all([...this.#verifiers()].map(async (verifier) => await verifier.close?.()));
  }

  override verify(
    token: string,
    ath: string,
    request: DpopRequest,
  ): AccessTokenClaims | Promise<AccessTokenClaims> {
    return this.#recall(ath) ?? this.#verifyUnknown(token, ath, request);
  }

  override remember(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void> {
    if (this.#verifiedByFallback.has(claims)) return this.#fallback?.remember?.(token, ath, claims);
    const verification = this.#verifications.get(claims);
    if (verification === undefined) return undefined;
    this.#verifications.delete(claims);
    this.#known.set(ath, { claims, ...verification }, 2 * token.length);
    return undefined;
  }

  /** The issuer that the token names advises; for other tokens the fallback, or else the first one that knows such tokens. */
  override advise(token: string, reason: RefusalReason): string | undefined {
    if (!this.#hasAdvisers) return this.#fallback?.advise?.(token, reason);
    const refused = describeRefused(token, reason);
    const name = refused.claims?.['iss'];
    const named = typeof name === 'string' ? this.#issuers.get(name) : undefined;
    if (named !== undefined) return named.adviser?.(refused, named.issuer);
    const advice = this.#fallback?.advise?.(token, reason);
    if (advice !== undefined) return advice;
    for (const { adviser, issuer } of this.#issuers.values()) {
      const other = adviser?.(refused, issuer);
      if (other !== undefined) return other;
    }
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

  async #verifyUnknown(token: string, ath: string, request: DpopRequest): Promise<AccessTokenClaims> {
    const jwt = readPresentedJwt(token);
    const issuer = jwt.claims?.['iss'];
    const verifier = typeof issuer === 'string' ? this.#issuers.get(issuer) : undefined;
    if (verifier === undefined) return await this.#verifyByFallback(token, ath, request, jwt);
    const generation = verifier.keyGeneration();
    const claims = await verifier.verifyJwt(jwt);
    // If the keys rotated meanwhile, the issuer may have revoked the key that verified this token.
    if (generation !== undefined && generation === verifier.keyGeneration()) {
      this.#verifications.set(claims, { verifier, generation });
    }
    return claims;
  }

  async #verifyByFallback(
    token: string,
    ath: string,
    request: DpopRequest,
    jwt: PresentedJwt,
  ): Promise<AccessTokenClaims> {
    if (this.#fallback === undefined) throw this.#refuseUnknownIssuer(jwt);
    const claims = await this.#fallback.verify(token, ath, request);
    if (isJsonObject(claims)) this.#verifiedByFallback.add(claims);
    return claims;
  }

  #refuseUnknownIssuer({ jws, claims }: PresentedJwt): DpopError {
    if (typeof claims?.['iss'] === 'string')
      return new DpopError('token_issuer', { expected: this.#issuerNames });
    if (jws === undefined) return new DpopError('token_invalid', { detail: 'segments' });
    return new DpopError('token_invalid', { detail: claims === undefined ? 'payload' : 'iss' });
  }
}
