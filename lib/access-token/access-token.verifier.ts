/** The claims of a verified access token. Frozen; names as in RFC 9068 and RFC 7662. */
export interface AccessTokenClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly client_id?: string;
  readonly scope?: string;
  /** The confirmation: `jkt` is the thumbprint of the key that the token is bound to (§6). */
  readonly cnf?: { readonly jkt?: string; readonly [member: string]: unknown };
  readonly [claim: string]: unknown;
}

/**
 * Verifies access tokens. A port: implement it for tokens of a kind of your own. That the token is bound, and to which
 * key, is checked by `DpopVerifier`, not here.
 */
export abstract class AccessTokenVerifier {
  /**
   * @param token as presented; nothing is known of it but its alphabet and its size
   * @param ath base64url(SHA-256(token)), a key under which a verified token may be remembered
   * @throws DpopError for a token that is not good; DpopUnavailableError, or anything else, when that cannot be told:
   *   the request is refused with 503
   */
  abstract verify(token: string, ath: string): AccessTokenClaims | Promise<AccessTokenClaims>;

  /**
   * Called for each accepted request: a verifier that remembers tokens does it here, so that no client without the key to a
   * token can push out those of others.
   *
   * @param claims the very object that `verify` answered with
   * @throws whatever it likes, and the request is refused with 503
   */
  remember?(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void>;

  /**
   * Called at start, and not waited for: a place to look at what tokens are verified with, before the first one comes.
   *
   * @param warn tells the operator what is not as it should be; the service starts all the same
   * @throws whatever it likes: the operator is warned
   */
  open?(warn: (text: string) => void): void | Promise<void>;

  /** Called at shutdown, after the last request ended. */
  close?(): void | Promise<void>;
}
