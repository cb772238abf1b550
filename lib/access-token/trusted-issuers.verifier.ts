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

/** A verifier that takes the tokens of one issuer. */
export interface IssuerVerifier extends AccessTokenVerifier {
  readonly issuer: string;
}

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
  readonly #issuers: ReadonlyMap<string, IssuerVerifier>;
  readonly #fallback: AccessTokenVerifier | undefined;
  readonly #known: BoundedCache<KnownToken>;
  /** For requests that are still being verified. */
  readonly #verifications = new WeakMap<AccessTokenClaims, Verification>();
  /** For claims of verifiers that have caches of their own. */
  readonly #verifiedElsewhere = new WeakMap<AccessTokenClaims, AccessTokenVerifier>();
  readonly #clock: Clock;
  /** For the operator: the issuers whose tokens are accepted. */
  readonly #issuerNames: readonly string[];

  /**
   * @param fallback verifies tokens that name none of the issuers, such as opaque tokens; one of an issuer, which may be
   *   among `issuers`, only those that name no issuer at all
   */
  constructor(
    issuers: readonly IssuerVerifier[],
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

  override verify(
    token: string,
    ath: string,
    request: DpopRequest,
  ): AccessTokenClaims | Promise<AccessTokenClaims> {
    return this.#recall(ath) ?? this.#verifyUnknown(token, ath, request);
  }

  override remember(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void> {
    const elsewhere = this.#verifiedElsewhere.get(claims);
    if (elsewhere !== undefined) return elsewhere.remember?.(token, ath, claims);
    const verification = this.#verifications.get(claims);
    if (verification === undefined) return undefined;
    this.#verifications.delete(claims);
    this.#known.set(ath, { claims, ...verification }, 2 * token.length);
    return undefined;
  }

  /** The issuer that the token names advises, or else the first one that knows such tokens. */
  override advise(token: string, reason: RefusalReason): string | undefined {
    const advisers = [...this.#verifiers()].filter((verifier) =>
      verifier instanceof JwtAccessTokenVerifier
        ? verifier.adviser !== undefined
        : verifier.advise !== undefined,
    );
    if (advisers.length === 0) return undefined;
    const refused = describeRefused(token, reason);
    const named = advisers.filter(({ issuer }) => issuer !== undefined && issuer === refused.claims?.['iss']);
    for (const verifier of named.length > 0 ? named : advisers) {
      const advice =
        verifier instanceof JwtAccessTokenVerifier
          ? verifier.adviser?.(refused)
          : verifier.advise?.(token, reason);
      if (advice !== undefined) return advice;
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

  /** Each one once: the fallback may be that of an issuer. */
  #verifiers(): ReadonlySet<AccessTokenVerifier> {
    return new Set([...this.#issuers.values(), ...(this.#fallback === undefined ? [] : [this.#fallback])]);
  }

  async #verifyUnknown(token: string, ath: string, request: DpopRequest): Promise<AccessTokenClaims> {
    const jwt = readPresentedJwt(token);
    const verifier = this.#verifierOf(jwt);
    if (!(verifier instanceof JwtAccessTokenVerifier)) {
      const claims = await verifier.verify(token, ath, request);
      if (isJsonObject(claims)) this.#verifiedElsewhere.set(claims, verifier);
      return claims;
    }
    const generation = verifier.keyGeneration();
    const claims = await verifier.verifyJwt(jwt);
    // If the keys rotated meanwhile, the issuer may have revoked the key that verified this token.
    if (generation !== undefined && generation === verifier.keyGeneration()) {
      this.#verifications.set(claims, { verifier, generation });
    }
    return claims;
  }

  #verifierOf(jwt: PresentedJwt): AccessTokenVerifier {
    const issuer = jwt.claims?.['iss'];
    const isNamed = typeof issuer === 'string';
    const verifier = isNamed ? this.#issuers.get(issuer) : undefined;
    if (verifier !== undefined) return verifier;
    // An issuer must not get the tokens of another one.
    const isForeign = isNamed && this.#fallback?.issuer !== undefined;
    if (this.#fallback === undefined || isForeign) throw this.#refuseUnknownIssuer(jwt);
    return this.#fallback;
  }

  #refuseUnknownIssuer({ jws, claims }: PresentedJwt): DpopError {
    if (typeof claims?.['iss'] === 'string')
      return new DpopError('token_issuer', { expected: this.#issuerNames });
    if (jws === undefined) return new DpopError('token_invalid', { detail: 'segments' });
    return new DpopError('token_invalid', { detail: claims === undefined ? 'payload' : 'iss' });
  }
}
