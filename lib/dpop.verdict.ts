import type { AccessTokenClaims } from './access-token/access-token.verifier.js';
import { clientIdOf, scopesOf } from './access-token/claims.js';
import type { Scheme } from './errors/challenge.js';
import type { AcceptedNonce } from './nonce/nonce.service.js';

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
  /** The access token as presented, for calls on behalf of the client. Not to be logged. */
  readonly token: string;
  /** Whether the proof carried a good nonce. */
  readonly hasNonce: boolean;
  /** A fresh nonce for the client's next proof, when its present one is about to run out (§8.2). */
  readonly nextNonce: string | undefined;
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
  return Object.freeze({
    scheme,
    jkt,
    claims,
    issuer: claims.iss,
    subject: claims.sub,
    clientId: clientIdOf(claims),
    scopes: Object.freeze(scopesOf(claims)),
    token,
    hasNonce: nonce !== undefined,
    nextNonce,
  });
}
