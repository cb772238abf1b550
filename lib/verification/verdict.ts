import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { rightsOf } from '../claims/attached-rights.js';
import type { TokenRights } from '../claims/token-rights.js';
import type { DpopErrorCode, RefusalDetail, RefusalReason, UnavailableReason } from '../errors/catalogue.js';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import type { Scheme } from '../http/challenge.js';
import type { AcceptedNonce } from '../nonce/nonce.service.js';

/** What the service knows about an accepted request. Frozen. */
export interface DpopVerdict extends TokenRights {
  /** `Bearer` only for unbound tokens, and only where they are allowed; and for what was not verified, see `enforced`. */
  readonly scheme: Scheme;
  /** Thumbprint (RFC 7638) of the client's key, which the client has proved to hold; `undefined` for an unbound token. */
  readonly jkt: string | undefined;
  readonly claims: AccessTokenClaims;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  /**
   * `false` for a request that did not pass the checks and was let through, by `enforcement: 'report'`. Nothing else of such
   * a verdict is verified: it has no thumbprint, no claims, no rights and no token.
   */
  readonly enforced: boolean;
  /** Why the request would have been refused; `undefined` for one that passed the checks. */
  readonly unmet: UnmetCheck | undefined;
  /**
   * The access token as presented, for calls on behalf of the client. Not enumerable: a logger that prints the verdict does
   * not print the token, and a copy of the verdict lacks it.
   */
  readonly token: string;
  /** Whether the proof carried a valid nonce. */
  readonly hasNonce: boolean;
  /** Whether the request came with a ticket in place of token and proof. `hasNonce` then tells of the proof before it. */
  readonly hasTicket: boolean;
  /** A fresh nonce for the client's next proof, once the current one is about to expire (§8.2). Not enumerable. */
  readonly nextNonce: string | undefined;
}

/** What a request that was let through by `enforcement: 'report'` did not meet. */
export interface UnmetCheck {
  readonly code: DpopErrorCode;
  readonly reason: RefusalReason | UnavailableReason;
  readonly detail: RefusalDetail | undefined;
}

/**
 * Token and nonce are private fields, so that `JSON.stringify`, `util.inspect` and `{ ...verdict }` leave them out.
 */
class Verdict implements DpopVerdict {
  readonly #token: string;
  readonly #nextNonce: string | undefined;
  readonly enforced: boolean;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly clientId: string | undefined;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly clientRoles: TokenRights['clientRoles'];
  readonly permissions: readonly string[];

  constructor(
    readonly scheme: Scheme,
    readonly jkt: string | undefined,
    readonly claims: AccessTokenClaims,
    readonly hasNonce: boolean,
    readonly hasTicket: boolean,
    token: string,
    nextNonce: string | undefined,
    readonly unmet: UnmetCheck | undefined,
  ) {
    this.enforced = unmet === undefined;
    this.issuer = claims.iss;
    this.subject = claims.sub;
    const { clientId, scopes, roles, clientRoles, permissions } = rightsOf(claims);
    this.clientId = clientId;
    this.scopes = scopes;
    this.roles = roles;
    this.clientRoles = clientRoles;
    this.permissions = permissions;
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
  return Object.freeze(
    new Verdict(scheme, jkt, claims, nonce !== undefined, false, token, nextNonce, undefined),
  );
}

/**
 * The verdict on a request with a ticket.
 *
 * @internal
 */
export function createTicketVerdict(
  { scheme, token, hasNonce }: Pick<DpopVerdict, 'scheme' | 'token' | 'hasNonce'>,
  claims: AccessTokenClaims,
  jkt: string | undefined,
): DpopVerdict {
  return Object.freeze(new Verdict(scheme, jkt, claims, hasNonce, true, token, undefined, undefined));
}

/** @internal On a request that is let through although it does not pass the checks. */
export function createUnenforcedVerdict(error: DpopError | DpopUnavailableError): DpopVerdict {
  const { code, reason } = error;
  const detail = error instanceof DpopError ? error.details.detail : undefined;
  const unmet = Object.freeze({ code, reason, detail });
  return Object.freeze(
    new Verdict('Bearer', undefined, Object.freeze({}), false, false, '', undefined, unmet),
  );
}
