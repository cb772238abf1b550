import type { AccessTokenClaims } from '../access-token/access-token.verifier.js';
import { clientIdOf, scopesOf } from '../access-token/claims.js';
import type { Scheme } from '../http/challenge.js';
import type { AcceptedNonce } from '../nonce/nonce.service.js';

/** What is known of a request that was let through. Frozen. */
export interface DpopVerdict {
  /** `Bearer` only for unbound tokens, and only where they are allowed. */
  readonly scheme: Scheme;
  /** Thumbprint (RFC 7638) of the key that the client has proved to hold; `undefined` for an unbound token. */
  readonly jkt: string | undefined;
  readonly claims: AccessTokenClaims;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  /**
   * The access token as presented, for calls on behalf of the client. Not enumerable, so that who logs a verdict does not
   * log the token; a copy of the verdict lacks it.
   */
  readonly token: string;
  /** Whether the proof carried a good nonce. */
  readonly hasNonce: boolean;
  /** A fresh nonce for the client's next proof, when its present one is about to run out (§8.2). Not enumerable. */
  readonly nextNonce: string | undefined;
}

/**
 * What a logger must not print is no property of its own: `JSON.stringify`, `util.inspect` and `{ ...verdict }` leave out
 * the token and the nonce. A private field costs no more than another property.
 */
class Verdict implements DpopVerdict {
  readonly #token: string;
  readonly #nextNonce: string | undefined;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];

  constructor(
    readonly scheme: Scheme,
    readonly jkt: string | undefined,
    readonly claims: AccessTokenClaims,
    readonly hasNonce: boolean,
    token: string,
    nextNonce: string | undefined,
  ) {
    this.issuer = claims.iss;
    this.subject = claims.sub;
    this.clientId = clientIdOf(claims);
    this.scopes = Object.freeze(scopesOf(claims));
    this.#token = token;
    this.#nextNonce = nextNonce;
  }

  get token(): string {
    return this.#token;
  }

  get nextNonce(): string | undefined {
    return this.#nextNonce;
  }
}

/** @internal */
export function createVerdict(
  scheme: Scheme,
  token: string,
  claims: AccessTokenClaims,
  jkt?: string,
  nonce?: AcceptedNonce,
  nextNonce?: string,
): DpopVerdict {
  return Object.freeze(new Verdict(scheme, jkt, claims, nonce !== undefined, token, nextNonce));
}
