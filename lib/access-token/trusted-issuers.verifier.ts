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
import type { ResolvedIssuers } from './resolved-issuers.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** How a token was verified. */
interface Verification {
  readonly issuer: TrustedIssuer;
  readonly tenant: string | undefined;
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
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly #resolved: ResolvedIssuers | undefined;
  readonly #fallback: AccessTokenVerifier | undefined;
  readonly #known: BoundedCache<KnownToken>;
  /** For requests that are still being verified. */
  readonly #verifications = new WeakMap<AccessTokenClaims, Verification>();
  readonly #verifiedByFallback = new WeakSet<AccessTokenClaims>();
  readonly #clock: Clock;
  /** For the operator: the issuers whose tokens are accepted. */
  readonly #issuerNames: readonly string[];
  readonly #hasAdvisers: boolean;

  /**
   * @param fallback verifies tokens that name none of the issuers, such as opaque tokens
   * @param resolved the issuers that the app names at run time
   */
  constructor(
    issuers: readonly JwtAccessTokenVerifier[],
    fallback: AccessTokenVerifier | undefined,
    bounds: CacheBounds,
    clock: Clock,
    resolved?: ResolvedIssuers,
  ) {
    super();
    const isCurrent = () => true;
    this.#issuers = new Map(issuers.map((verifier) => [verifier.issuer, { verifier, isCurrent }]));
    this.#resolved = resolved;
    this.#fallback = fallback;
    this.#known = new BoundedCache(bounds);
    this.#clock = clock;
    this.#issuerNames = [...this.#issuers.keys()];
    this.#hasAdvisers = resolved !== undefined || issuers.some(({ adviser }) => adviser !== undefined);
  }

  override async open(warn: (text: string) => void): Promise<void> {
    this.#resolved?.open(warn);
    await Promise.all([...this.#verifiers()].map(async (verifier) => await verifier.open?.(warn)));
  }

  override async close(): Promise<void> {
    this.#resolved?.close();
    await Promise.all([...this.#verifiers()].map(async (verifier) => await verifier.close?.()));
  }

  override verify(
    token: string,
    ath: string,
    request: DpopRequest,
  ): AccessTokenClaims | Promise<AccessTokenClaims> {
    const tenant = this.#resolved?.tenantOf(request);
    return this.#recall(ath, tenant) ?? this.#verifyUnknown(token, ath, request, tenant);
  }

  override remember(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void> {
    if (this.#verifiedByFallback.has(claims)) return this.#fallback?.remember?.(token, ath, claims);
    const verification = this.#verifications.get(claims);
    if (verification === undefined) return undefined;
    this.#verifications.delete(claims);
    this.#known.set(cacheKey(ath, verification.tenant), { claims, ...verification }, 2 * token.length);
    return undefined;
  }

  /** The issuer that the token names advises; for other tokens the fallback, or else the first one that knows such tokens. */
  override advise(token: string, reason: RefusalReason, request: DpopRequest): string | undefined {
    if (!this.#hasAdvisers) return this.#fallback?.advise?.(token, reason, request);
    const refused = describeRefused(token, reason);
    const named = this.#verifierOf(refused.claims?.['iss'], request);
    if (named !== undefined) return named.adviser?.(refused, named.issuer);
    const advice = this.#fallback?.advise?.(token, reason, request);
    if (advice !== undefined) return advice;
    for (const { verifier } of this.#issuers.values()) {
      const other = verifier.adviser?.(refused, verifier.issuer);
      if (other !== undefined) return other;
    }
    return undefined;
  }

  #verifierOf(name: unknown, request: DpopRequest): JwtAccessTokenVerifier | undefined {
    if (typeof name !== 'string') return undefined;
    return (this.#issuers.get(name) ?? this.#resolved?.found(name, request))?.verifier;
  }

  #recall(ath: string, tenant: string | undefined): AccessTokenClaims | undefined {
    const key = cacheKey(ath, tenant);
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    const { claims, issuer, generation } = known;
    const expiresAtSeconds = (claims.exp ?? 0) + issuer.verifier.toleranceSeconds;
    const isGood = this.#clock() / 1000 < expiresAtSeconds && issuer.verifier.keyGeneration() === generation;
    if (isGood && issuer.isCurrent()) return claims;
    this.#known.delete(key);
    return undefined;
  }

  *#verifiers(): Generator<AccessTokenVerifier> {
    for (const { verifier } of this.#issuers.values()) yield verifier;
    if (this.#fallback !== undefined) yield this.#fallback;
  }

  async #verifyUnknown(
    token: string,
    ath: string,
    request: DpopRequest,
    tenant: string | undefined,
  ): Promise<AccessTokenClaims> {
    const jwt = readPresentedJwt(token);
    const issuer = await this.#find(jwt.claims?.['iss'], tenant);
    if (issuer === undefined) return await this.#verifyByFallback(token, ath, request, jwt);
    const { verifier } = issuer;
    const generation = verifier.keyGeneration();
    const claims = await verifier.verifyJwt(jwt);
    // If the keys rotated meanwhile, the issuer may have revoked the key that verified this token.
    if (generation !== undefined && generation === verifier.keyGeneration()) {
      this.#verifications.set(claims, { issuer, tenant, generation });
    }
    return claims;
  }

  async #find(name: unknown, tenant: string | undefined): Promise<TrustedIssuer | undefined> {
    if (typeof name !== 'string') return undefined;
    const listed = this.#issuers.get(name);
    return listed ?? (await this.#resolved?.find(name, tenant ?? ''));
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

/** A token that one tenant accepted is not known to another. */
function cacheKey(ath: string, tenant: string | undefined): string {
  return tenant === undefined ? ath : `${ath} ${tenant}`;
}
