/** A registered client, as far as the binding of its tokens depends on it. */
export interface BindingClient {
  /** RFC 6749 §2.1: a `confidential` client has authenticated in this request, a `public` one cannot. */
  readonly type: 'public' | 'confidential';
  /** The client metadata `dpop_bound_access_tokens` (§5.2): the client gets bound tokens only. Default `false`. */
  readonly dpopBoundAccessTokens?: boolean | null | undefined;
}

/** An authorization request, or a pushed one. `null` is `undefined`: a database returns it for a value that was not stored. */
export interface AuthorizationRequestKeys {
  /** The parameter `dpop_jkt`, as received; `undefined` without it. */
  readonly dpopJkt: unknown;
  /** The key of the proof of a pushed request, from `@DpopBound()`. */
  readonly jkt?: string | null | undefined;
}

/**
 * A token request whose client is authenticated, and whose grant is valid in all other respects. `null` is `undefined`, as in
 * `AuthorizationRequestKeys`.
 */
export interface TokenRequestKeys {
  /** The key of the proof, from `@DpopBound()`; `undefined` if there was no proof. */
  readonly jkt: string | null | undefined;
  readonly client: BindingClient;
  /**
   * The key that the grant is bound to: what `ofAuthorizationRequest` returned for the code, or `refreshTokenJkt` that was kept
   * with the refresh token.
   */
  readonly grantJkt?: string | null | undefined;
  /** The subject token of a token exchange (RFC 8693). */
  readonly subjectToken?: SubjectTokenKeys | null | undefined;
}

/** A verified subject token. */
export interface SubjectTokenKeys {
  /** `cnf.jkt` of the token; `undefined` for a Bearer token. */
  readonly jkt: string | null | undefined;
  /**
   * Whether the client is the audience of the token: an API that was called with it and now calls another one. Such a client
   * may exchange a token that is bound to the key of its caller.
   */
  readonly isForClient: boolean;
}

/** What the tokens of a response are bound to. Frozen. */
export interface TokenBinding {
  /** The key of the access token; `undefined` for a Bearer token. */
  readonly jkt: string | undefined;
  /** `token_type` of the token response, and of an introspection response. */
  readonly tokenType: 'DPoP' | 'Bearer';
  /** The claims of the access token, and members of an introspection response: `cnf` with `jkt`, or nothing. */
  readonly confirmation: { readonly cnf?: { readonly jkt: string } };
  /**
   * Keep it with the refresh token, and pass it as `grantJkt` when the token is used. `undefined` for a confidential client,
   * whose authentication protects the refresh token (§5).
   */
  readonly refreshTokenJkt: string | undefined;
}

/** @param isPublic whether the client is public, so that its refresh tokens are bound too */
export function createTokenBinding(jkt: string | undefined, isPublic: boolean): TokenBinding {
  return Object.freeze({
    jkt,
    tokenType: jkt === undefined ? 'Bearer' : 'DPoP',
    confirmation: Object.freeze(jkt === undefined ? {} : { cnf: Object.freeze({ jkt }) }),
    refreshTokenJkt: isPublic ? jkt : undefined,
  });
}
