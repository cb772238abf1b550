import type { CryptoKey, JWK } from 'jose';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { Clock } from '../runtime/clock.js';

/** How the service asks an issuer about access tokens (RFC 7662). */
export interface IntrospectionOptions {
  /** The issuer and what its tokens must say, as for JWTs: a profile fits. */
  readonly accessToken: JwtAccessTokenOptions;
  /** The client that the service is at the issuer, registered for introspection. */
  readonly client: IntrospectionClient;
  /** The URL of the introspection endpoint. Default: from the metadata of the issuer. */
  readonly endpoint?: string;
  /**
   * Accepts an `http:` `endpoint`, in a network without eavesdroppers. Insecure elsewhere: an eavesdropper reads tokens
   * and the secret of the client. Opens nothing else.
   */
  readonly allowInsecureEndpoint?: boolean;
  /** Accepts an `http:` issuer beyond loopback. Insecure, like the option of the module with this name. */
  readonly allowInsecureHttp?: boolean;
  /** Whether the service asks for signed responses (RFC 9701) and accepts no others. Default `false`. */
  readonly signedResponses?: boolean;
  /**
   * Whether the tokens are JWTs whose signature is verified as well, before the issuer is asked. Default `false`. A
   * forged token then costs no request, and the signed claims take precedence over those of the response.
   */
  readonly verifySignature?: boolean;
  /**
   * Whether the issuer is also asked about tokens that name no issuer, such as opaque ones. Default `true`, and `false`
   * with `verifySignature`. Of several issuers, only one can take them.
   */
  readonly opaqueTokens?: boolean;
  /**
   * What happens when the response has no `aud`, which RFC 7662 leaves optional. `refuse` (the default) refuses the token:
   * nothing says that it is for this service. `accept` is for an issuer that answers `active: false` to this client for
   * the tokens of other services.
   */
  readonly absentAudience?: 'refuse' | 'accept';
  /**
   * For how long the response of the issuer about a token is used again, in seconds, default 0: the issuer is asked for
   * each request. A revoked token passes for that long. Never longer than `exp`.
   */
  readonly cacheSeconds?: number;
  /** The maximum number of cached tokens, default 10,000. */
  readonly maxCachedTokens?: number;
  /** The time limit of one request to the issuer, in milliseconds, default 5000. */
  readonly timeoutMs?: number;
  /** Returns milliseconds since the Unix epoch, default `Date.now`. For tests. */
  readonly clock?: Clock;
}

/** How the service authenticates at the introspection endpoint. Neither secret nor key is ever shown. */
export type IntrospectionClient = SecretClient | PrivateKeyClient;

/** A client with a secret. */
export interface SecretClient {
  /** The `client_id`. */
  readonly id: string;
  /** The `client_secret`. */
  readonly secret: string;
  /** How the secret is sent: in the `Authorization` header (the default), or in the body. */
  readonly method?: 'client_secret_basic' | 'client_secret_post';
}

/** A client that signs an assertion: `private_key_jwt`. */
export interface PrivateKeyClient {
  /** The `client_id`. */
  readonly id: string;
  /** The private key: PKCS #8 in PEM, a JWK, or a `CryptoKey` that may sign. */
  readonly privateKey: string | JWK | CryptoKey;
  /** The `kid` of the assertion. Default: that of the JWK. */
  readonly kid?: string;
  /**
   * The signature algorithm. Default: the `alg` of the JWK, or else that of the key, which for RSA is RS256. A
   * `CryptoKey` has its algorithm.
   */
  readonly algorithm?: string;
}
