import type { JSONWebKeySet } from 'jose';
import type { RightsReader } from '../claims/token-rights.js';
import type { RefusalDetail } from '../errors/catalogue.js';
import type { Fetch } from '../outbound/outbound-request.js';
import type { TokenAdviser } from './token-adviser.js';

/** How the service verifies the JWT access tokens of one issuer. */
export interface JwtAccessTokenOptions {
  /** The issuer, exactly as in `iss`. The service finds its metadata by RFC 8414 or OpenID Connect Discovery. */
  readonly issuer: string;
  /** This service, as the issuer names it in `aud`. Of several values, one must match. */
  readonly audience: string | readonly string[];
  /** The URL of the issuer's key set. Default: from the metadata. */
  readonly jwksUri?: string;
  /** The issuer's public keys. The service then fetches nothing, and does not use `jwksUri`. */
  readonly keys?: JSONWebKeySet;
  /** The accepted signature algorithms. Default: all asymmetric ones without ML-DSA. */
  readonly algorithms?: readonly string[];
  /**
   * The accepted header types, default `at+jwt` (RFC 9068). Many providers send `JWT`. `absent` accepts tokens without
   * `typ`, and `any` accepts all.
   */
  readonly typ?: 'any' | 'absent' | (string & {}) | readonly string[];
  /**
   * Claims that a token must have, beside `iss`, `aud` and `exp`, which every token must have. RFC 9068 §2.2 also requires
   * `sub`, `client_id`, `iat` and `jti`. Default: none.
   */
  readonly requiredClaims?: readonly RequirableClaim[];
  /** The tolerance for `exp`, `nbf` and `iat`, in seconds, default 10. */
  readonly clockToleranceSeconds?: number;
  /** How long fetched keys are used, in seconds, default 600. */
  readonly keysMaxAgeSeconds?: number;
  /** The minimum time between two fetches that an unknown key causes, in seconds, default 30. */
  readonly keysCooldownSeconds?: number;
  /** The time limit of one fetch, in milliseconds, default 5000. */
  readonly fetchTimeoutMs?: number;
  /**
   * Accepts an `http:` `jwksUri` of this issuer, for a key set in a network without eavesdroppers. Insecure elsewhere: an
   * attacker could replace the keys. Opens nothing else.
   */
  readonly allowInsecureJwksUri?: boolean;
  /** Fetches metadata and keys, for a proxy or a private certificate authority. Default: the `fetch` of Node. */
  readonly fetch?: Fetch;
  /** Reads the scopes, roles, permissions and the client from the claims. Default `readStandardRights`. */
  readonly readRights?: RightsReader;
  /** Explains refused tokens to the operator. */
  readonly advise?: TokenAdviser;
}

/** The claims that `requiredClaims` may name, each with the form that it must have. */
export const REQUIRABLE_CLAIMS = {
  iss: 'text',
  exp: 'time',
  aud: 'audience',
  sub: 'text',
  client_id: 'text',
  iat: 'time',
  jti: 'text',
  nbf: 'time',
} as const satisfies Partial<Record<RefusalDetail, 'text' | 'time' | 'audience'>>;

/** A claim that an issuer's tokens can be required to have: those of RFC 9068 §2.2, and `nbf`. */
export type RequirableClaim = keyof typeof REQUIRABLE_CLAIMS;

/** The default of `clockToleranceSeconds`. */
export const DEFAULT_TOLERANCE_SECONDS = 10;
