/** The claims of a verified access token, with the names of RFC 9068 and RFC 7662. Frozen. */
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
 * Verifies access tokens. A port: implement it for tokens that are not JWTs of a listed issuer. It does not check the
 * binding to a key; `DpopVerifier` does.
 */
export abstract class AccessTokenVerifier {
  /**
   * Verifies a token and returns its claims.
   *
   * @param token the token as received; only its alphabet and its length have been checked
   * @param ath base64url(SHA-256(token)), a key for a cache of verified tokens
   * @throws DpopError when the token is not valid
   * @throws DpopUnavailableError, or any other error, when the token cannot be verified; the service answers 503
   */
  abstract verify(token: string, ath: string): AccessTokenClaims | Promise<AccessTokenClaims>;

  /**
   * Called for each accepted request. A verifier with a cache fills it here, so that a client without the key of a token
   * cannot evict the tokens of others.
   *
   * @param claims the object that `verify` returned
   * @throws any error; the service then answers 503
   */
  remember?(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void>;

  /**
   * Called at start, for example to fetch keys before the first token needs them. The service does not wait for it.
   *
   * @param warn logs a warning for the operator; the service starts nevertheless
   * @throws any error; the module then logs a warning
   */
  open?(warn: (text: string) => void): void | Promise<void>;

  /** Called at shutdown, after the last request has ended. */
  close?(): void | Promise<void>;
}
