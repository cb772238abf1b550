import { RevocationChecker } from './revocation.checker.js';

/**
 * Which access tokens are revoked:
 *
 * - `jti`: one token.
 * - `sid`: all tokens of a session.
 * - `sub`: the tokens of a subject that were issued up to `issuedBefore`.
 * - `clientId`: the tokens of a client that were issued up to `issuedBefore`.
 * - `jkt`: the tokens that are bound to a key and were issued up to `issuedBefore`, of any issuer.
 *
 * `issuer` is the `iss` of the tokens, character by character. `issuedBefore` is in seconds since the Unix epoch, like
 * `iat`, and by default the present: a token that is issued later passes.
 */
export type RevocationEntry =
  | (Without<'sid' | 'sub' | 'clientId' | 'jkt' | 'issuedBefore'> & {
      readonly issuer: string;
      readonly jti: string;
    })
  | (Without<'jti' | 'sub' | 'clientId' | 'jkt' | 'issuedBefore'> & {
      readonly issuer: string;
      readonly sid: string;
    })
  | (Without<'jti' | 'sid' | 'clientId' | 'jkt'> & {
      readonly issuer: string;
      readonly sub: string;
      readonly issuedBefore?: number;
    })
  | (Without<'jti' | 'sid' | 'sub' | 'jkt'> & {
      readonly issuer: string;
      readonly clientId: string;
      readonly issuedBefore?: number;
    })
  | (Without<'issuer' | 'jti' | 'sid' | 'sub' | 'clientId'> & {
      readonly jkt: string;
      readonly issuedBefore?: number;
    });

/** TypeScript would let an entry have members of several forms, which no deny-list takes. */
type Without<Name extends string> = { readonly [Member in Name]?: never };

/** The options that all deny-lists have. */
export interface DenyListOptions {
  /**
   * The longest time between `iat` and `exp` of an access token, over all issuers, in seconds. An entry is kept for as long.
   * A token that lives longer, or that lacks `iss`, `iat` or `exp`, is answered with 503, since its entry could end before it.
   */
  readonly maxTokenLifetimeSeconds: number;
  /** The maximum number of live entries, default 100,000. When the list is full, `revoke` rejects. */
  readonly maxEntries?: number;
}

/**
 * A list of revoked access tokens. Call `revoke` where your app learns of a revocation: at logout, after a change of
 * password, when a device is lost.
 *
 * @example
 * ```ts
 * await denyList.revoke({ issuer, sub: user.id });
 * ```
 */
export abstract class DenyList extends RevocationChecker {
  /** How long the tokens live that the list is for, in seconds, if it knows. For warnings about entries without effect. */
  readonly maxTokenLifetimeSeconds?: number;

  /**
   * Refuses the tokens of the entry from now on. This process knows the entry at once, even if the promise rejects.
   *
   * @throws TypeError for an entry of another form
   * @throws DpopUnavailableError when the list is full, or when the entry has not reached the other processes
   */
  abstract revoke(entry: RevocationEntry): Promise<void>;
}
