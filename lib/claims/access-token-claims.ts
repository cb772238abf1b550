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

/** Freezes a JSON value deeply, because one verified token serves many requests. */
export function freezeClaims<T>(value: T): T {
  // A value that is no object counts as frozen.
  if (!Object.isFrozen(value)) Object.values(Object.freeze(value) as object).forEach(freezeClaims);
  return value;
}
