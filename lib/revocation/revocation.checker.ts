import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import type { Clock } from '../runtime/clock.js';

/** What is known of a verified access token. The verdict on a request has all of it. */
export interface RevocableToken {
  readonly claims: AccessTokenClaims;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly clientId: string | undefined;
  /** The thumbprint of the key that the token is bound to; `undefined` for an unbound token. */
  readonly jkt: string | undefined;
}

/**
 * Says whether an access token is revoked. A port: `MemoryDenyList` and the `RedisDenyList` of nestjs-dpop/redis implement
 * it. The service asks for each request, for a remembered token too, once the client has proved possession of its key and
 * before the proof is recorded.
 *
 * @see RFC 7009, FAPI 2.0 Security Profile §5.3.4
 */
export abstract class RevocationChecker {
  /**
   * How long an answer may take, in milliseconds, 1 to 60000, default 250. A later answer counts as a failure. The limit
   * applies only to answers that are a promise.
   */
  readonly deadlineMs?: number;

  /**
   * Whether the token is revoked. `true` refuses the request, `false` lets it pass, and any other answer is a failure. An
   * answer without a promise costs the request no turn of the event loop.
   *
   * @throws any error when the checker cannot say; the service then answers 503
   */
  abstract isRevoked(token: RevocableToken): boolean | Promise<boolean>;

  /**
   * Called once at start.
   *
   * @param warn logs a warning for the operator; the service starts nevertheless
   * @param clock the clock of the module
   * @throws Error when the checker can never work; this ends the start
   */
  open?(warn: (text: string) => void, clock: Clock): void | Promise<void>;

  /** Rejects when the checker cannot say anything at the moment. For health checks. */
  ping?(): void | Promise<void>;

  /** Called once at shutdown, after the last request has ended. */
  close?(): void | Promise<void>;
}
