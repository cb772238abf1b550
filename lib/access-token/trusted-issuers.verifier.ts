import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { RefusalReason } from '../errors/catalogue.js';
import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { isJsonObject } from '../jws/json-object.js';
import { BoundedCache, type CacheBounds } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';
import { describeRefused, type PresentedJwt, readPresentedJwt } from './presented-jwt.js';
import type { ResolvedIssuers } from './resolved-issuers.js';
import type { TrustedIssuer } from './trusted-issuer.js';

const UNRESOLVED =
  'resolveIssuer returned undefined for the issuer that the token names, or was not asked because the name is too long';

/** A verifier that takes the tokens of one issuer. */
export interface IssuerVerifier extends AccessTokenVerifier {
  readonly issuer: string;
}

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
  readonly #issuers: ReadonlyMap<string, IssuerVerifier>;
  readonly #resolved: ResolvedIssuers | undefined;
  readonly #fallback: AccessTokenVerifier | undefined;
  readonly #known: BoundedCache<KnownToken>;
  /** For requests that are still being verified. */
  readonly #verifications = new WeakMap<AccessTokenClaims, Verification>();
  readonly #verifiedElsewhere = new WeakMap<AccessTokenClaims, AccessTokenVerifier>();
  readonly #clock: Clock;
  /** For the operator: the issuers whose tokens are accepted. */
  readonly #issuerNames: readonly string[];
  readonly #hasAdvisers: boolean;

  /**
   * @param fallback verifies tokens that name none of the issuers, such as opaque tokens; one of an issuer, which may be
   *   among `issuers`, only those that name no issuer at all
   * @param resolved the issuers that the app names at run time
   */
  constructor(
    issuers: readonly IssuerVerifier[],
    fallback: AccessTokenVerifier | undefined,
    bounds: CacheBounds,
    clock: Clock,
    resolved?: ResolvedIssuers,
  ) {
    super();
    this.#issuers = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
    this.#resolved = resolved;
    this.#fallback = fallback;
    this.#known = new BoundedCache(bounds);
    this.#clock = clock;
    this.#issuerNames = [...this.#issuers.keys()];
    this.#hasAdvisers = resolved !== undefined || [...this.#verifiers()].some(canAdvise);
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
    const elsewhere = this.#verifiedElsewhere.get(claims);
    if (elsewhere !== undefined) return elsewhere.remember?.(token, ath, claims);
    const verification = this.#verifications.get(claims);
    if (verification === undefined) return undefined;
    this.#verifications.delete(claims);
    this.#known.set(cacheKey(ath, verification.tenant), { claims, ...verification }, 2 * token.length);
    return undefined;
  }

  /** The issuer that the token names advises; for other tokens the fallback, or else the first one that knows such tokens. */
  override advise(token: string, reason: RefusalReason, request: DpopRequest): string | undefined {
    if (!this.#hasAdvisers) return undefined;
    const refused = describeRefused(token, reason);
    const adviceOf = (verifier: AccessTokenVerifier): string | undefined =>
      verifier instanceof JwtAccessTokenVerifier
        ? verifier.adviser?.(refused, verifier.issuer)
        : verifier.advise?.(token, reason, request);
    const name = refused.claims?.['iss'];
    if (typeof name === 'string') {
      const named = this.#issuers.get(name) ?? this.#resolved?.found(name, request)?.verifier;
      if (named !== undefined) return adviceOf(named);
    }
    for (const verifier of this.#verifiers()) {
      const advice = adviceOf(verifier);
      if (advice !== undefined) return advice;
    }
    return undefined;
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

  /** Each one once, the fallback first: it may be that of an issuer. */
  #verifiers(): ReadonlySet<AccessTokenVerifier> {
    return new Set([...(this.#fallback === undefined ? [] : [this.#fallback]), ...this.#issuers.values()]);
  }

  async #verifyUnknown(
    token: string,
    ath: string,
    request: DpopRequest,
    tenant: string | undefined,
  ): Promise<AccessTokenClaims> {
    const jwt = readPresentedJwt(token);
    const name = jwt.claims?.['iss'];
    const listed = typeof name === 'string' ? this.#issuers.get(name) : undefined;
    if (listed instanceof JwtAccessTokenVerifier)
      return await this.#verifyJwt(jwt, { verifier: listed, isCurrent: always }, tenant);
    if (listed !== undefined) return await this.#verifyElsewhere(listed, token, ath, request);
    const resolved = typeof name === 'string' ? await this.#resolved?.find(name, tenant ?? '') : undefined;
    if (resolved !== undefined) return await this.#verifyJwt(jwt, resolved, tenant);
    return await this.#verifyElsewhere(this.#fallbackFor(jwt), token, ath, request);
  }

  async #verifyJwt(
    jwt: PresentedJwt,
    issuer: TrustedIssuer,
    tenant: string | undefined,
  ): Promise<AccessTokenClaims> {
    const { verifier } = issuer;
    const generation = verifier.keyGeneration();
    const claims = await verifier.verifyJwt(jwt);
    // If the keys rotated meanwhile, the issuer may have revoked the key that verified this token.
    if (generation !== undefined && generation === verifier.keyGeneration()) {
      this.#verifications.set(claims, { issuer, tenant, generation });
    }
    return claims;
  }

  async #verifyElsewhere(
    verifier: AccessTokenVerifier,
    token: string,
    ath: string,
    request: DpopRequest,
  ): Promise<AccessTokenClaims> {
    const claims = await verifier.verify(token, ath, request);
    if (isJsonObject(claims)) this.#verifiedElsewhere.set(claims, verifier);
    return claims;
  }

  #fallbackFor({ jws, claims }: PresentedJwt): AccessTokenVerifier {
    const isNamed = typeof claims?.['iss'] === 'string';
    // An issuer must not get the tokens of another one.
    if (this.#fallback !== undefined && !(isNamed && this.#fallback.issuer !== undefined))
      return this.#fallback;
    if (isNamed) throw this.#untrusted();
    if (jws === undefined) throw new DpopError('token_invalid', { detail: 'segments' });
    throw new DpopError('token_invalid', { detail: claims === undefined ? 'payload' : 'iss' });
  }

  #untrusted(): DpopError {
    const expected = this.#issuerNames;
    return new DpopError('token_issuer', {
      ...(expected.length > 0 && { expected }),
      ...(this.#resolved !== undefined && { advice: UNRESOLVED }),
    });
  }
}

function canAdvise(verifier: AccessTokenVerifier): boolean {
  const adviser = verifier instanceof JwtAccessTokenVerifier ? verifier.adviser : verifier.advise;
  return adviser !== undefined;
}

const always = (): boolean => true;

/** A token that one tenant accepted is not known to another. */
function cacheKey(ath: string, tenant: string | undefined): string {
  return tenant === undefined ? ath : `${ath} ${tenant}`;
}
