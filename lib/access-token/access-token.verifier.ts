import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { RefusalReason } from '../errors/catalogue.js';
import type { DpopRequest } from '../http/dpop-request.js';

/** What a verifier accepts. A profile such as `fapi2` refuses a verifier that accepts more than the profile allows. */
export interface VerifierAcceptance {
  /** The signature algorithms of tokens and of signed responses. Left out: the verifier verifies no signatures. */
  readonly algorithms?: readonly string[];
  /** The tolerance for `exp`, `nbf` and `iat`, in seconds. */
  readonly clockToleranceSeconds?: number;
  /** The names of the options that are set and accept `http:`. */
  readonly insecureOptions?: readonly string[];
}

/**
 * Verifies access tokens. A port: implement it for tokens that are not JWTs of a listed issuer. It does not check the
 * binding to a key; `DpopVerifier` does.
 */
export abstract class AccessTokenVerifier {
  /**
   * The only issuer whose tokens this verifier takes. JWTs that name it in `iss` come here, and JWTs of no other issuer.
   * Left out: the verifier gets all tokens that no other one takes.
   */
  readonly issuer?: string;
  /** Whether a verifier with `issuer` also gets the tokens that name no issuer, such as opaque ones. At most one may. */
  readonly takesOpaqueTokens?: boolean;
  /** What the verifier accepts, for profiles. Left out: no profile limits it. */
  readonly accepts?: VerifierAcceptance;

  /**
   * Verifies a token and returns its claims.
   *
   * @param token the token as received; only its alphabet and its length have been checked
   * @param ath base64url(SHA-256(token)), a key for a cache of verified tokens
   * @param request the request that presents the token, not verified yet
   * @throws DpopError when the token is not valid
   * @throws DpopUnavailableError, or any other error, when the token cannot be verified; the service answers 503
   */
  abstract verify(
    token: string,
    ath: string,
    request: DpopRequest,
  ): AccessTokenClaims | Promise<AccessTokenClaims>;

  /**
   * Called for each accepted request. A verifier with a cache fills it here, so that a client without the key of a token
   * cannot evict the tokens of others.
   *
   * @param claims the object that `verify` returned
   * @throws any error; the service then answers 503
   */
  remember?(token: string, ath: string, claims: AccessTokenClaims): void | Promise<void>;

  /**
   * Called for a token that was refused: what the operator should change, often at the provider. The service writes the
   * sentence into the log line of the refusal, so that it must contain nothing of the token.
   */
  advise?(token: string, reason: RefusalReason, request: DpopRequest): string | undefined;

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
