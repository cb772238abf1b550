import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import { assertClaims, assertUnbound, boundThumbprint } from '../access-token/bound-claims.js';
import { assertConfirmationChecked, type ConfirmationOption } from '../access-token/second-confirmation.js';
import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from '../http/challenge.js';
import type { Credentials } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';

/** A verified token that the client has not proved to hold the key of. */
export interface VerifiedToken {
  readonly claims: AccessTokenClaims;
  /** Thumbprint of the key that the token is bound to; empty for an unbound one, which came as `Bearer`. */
  readonly jkt: string;
}

/** Verifies the access token of a request, and finds the key that it is bound to. */
export class TokenCheck {
  readonly #accessTokens: AccessTokenVerifier;
  readonly #confirmation: ConfirmationOption;

  /** @param confirmation who checks what a token is bound to beside the DPoP key */
  constructor(accessTokens: AccessTokenVerifier, confirmation?: ConfirmationOption) {
    this.#accessTokens = accessTokens;
    this.#confirmation = confirmation;
  }

  /**
   * Returns a promise only if the verifier does: a token that is known costs the request no turn of the event loop.
   *
   * @param ath base64url(SHA-256(token))
   * @throws DpopError, DpopUnavailableError, or any other error of a verifier of the app
   */
  verify(
    { scheme, token }: Pick<Credentials, 'scheme' | 'token'>,
    ath: string,
    request: DpopRequest,
  ): VerifiedToken | Promise<VerifiedToken> {
    const explain = (error: unknown): never => {
      throw error instanceof DpopError ? this.#advise(error, token, request) : error;
    };
    try {
      const claims: unknown = this.#accessTokens.verify(token, ath, request);
      if (!isPromise(claims)) return this.#accept(claims, scheme);
      return Promise.resolve(claims)
        .then((awaited) => this.#accept(awaited, scheme))
        .catch(explain);
    } catch (error) {
      return explain(error);
    }
  }

  /** Remembers the token of an accepted request. */
  remember(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void> {
    return this.#accessTokens.remember?.(token, ath, claims);
  }

  #accept(claims: unknown, scheme: Scheme): VerifiedToken {
    assertClaims(claims);
    if (scheme === 'DPoP') return { claims, jkt: this.#boundThumbprint(claims) };
    assertUnbound(claims);
    return { claims, jkt: '' };
  }

  #boundThumbprint(claims: AccessTokenClaims): string {
    const jkt = boundThumbprint(claims);
    if (claims.cnf !== undefined) assertConfirmationChecked(claims.cnf, this.#confirmation);
    return jkt;
  }

  #advise(error: DpopError, token: string, request: DpopRequest): DpopError {
    try {
      const advice: unknown = this.#accessTokens.advise?.(token, error.reason, request);
      return typeof advice === 'string' ? new DpopError(error.reason, { ...error.details, advice }) : error;
    } catch {
      // The refusal stands without it.
      return error;
    }
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
