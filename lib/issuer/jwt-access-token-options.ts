import type { JSONWebKeySet } from 'jose';

/** How JWT access tokens of one issuer are verified. */
export interface JwtAccessTokenOptions {
  /** The issuer, exactly as in `iss`; its metadata is found from it (RFC 8414, OpenID Connect Discovery). */
  readonly issuer: string;
  /** This service, as the issuer names it in `aud`; one of several suffices. */
  readonly audience: string | readonly string[];
  /** Where the issuer's keys are, if not to be discovered. */
  readonly jwksUri?: string;
  /** The issuer's public keys themselves, if not to be fetched. */
  readonly keys?: JSONWebKeySet;
  /** Signature algorithms accepted; default: all asymmetric ones. */
  readonly algorithms?: readonly string[];
  /**
   * Header types accepted; default `at+jwt` (RFC 9068). Many providers send `JWT`. `absent` accepts tokens without
   * `typ`, `any` whatever comes.
   */
  readonly typ?: 'any' | 'absent' | (string & {}) | readonly string[];
  /** Tolerance for `exp`, `nbf` and `iat` in seconds, default 10. */
  readonly clockToleranceSeconds?: number;
  /** How long fetched keys are used, in seconds, default 600. */
  readonly keysMaxAgeSeconds?: number;
  /** The least time between two fetches for the sake of an unknown key, in seconds, default 30. */
  readonly keysCooldownSeconds?: number;
  /** How long one fetch may take, in milliseconds, default 5000. */
  readonly fetchTimeoutMs?: number;
}

/** The default of `clockToleranceSeconds`. */
export const DEFAULT_TOLERANCE_SECONDS = 10;
