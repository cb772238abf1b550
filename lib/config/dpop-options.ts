import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { DpopRequest } from '../http/dpop-request.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { Clock } from '../runtime/clock.js';
import type { DpopStorage } from '../storage/dpop.storage.js';

/**
 * The options of `DpopModule.forRoot`. All are asserted at start: an unknown name or a wrong form is a `TypeError` that
 * names the option and the accepted form.
 */
export interface DpopModuleOptions {
  /**
   * What clients sign in `htu` before the path: the external origin of this service, with the path prefix of a proxy
   * if that strips one, `https://api.example.com/v1`. Several are accepted. `request` derives it from the request
   * through the framework's own trusted-proxy rules (Express `trust proxy`, Fastify `trustProxy`); a function may do
   * better. Only https, and http on loopback (§2).
   */
  readonly origin: string | readonly string[] | 'request' | ((request: DpopRequest) => string);
  /** Accepts `http:` origins and issuers beyond loopback. Insecure: an eavesdropper has the tokens and the answers. */
  readonly allowInsecureHttp?: boolean;
  /** Whose access tokens are accepted, and how they are verified; several issuers, or a verifier of your own. */
  readonly accessToken: AccessTokenOption | readonly AccessTokenOption[];
  /** The greatest length of an access token, default 8192. */
  readonly maxTokenBytes?: number;
  readonly proof?: ProofOptions;
  /** Nonces (§9): `off` (the default), `required`, or with options. */
  readonly nonce?: 'off' | 'required' | NonceOptions;
  /** Where replay memory and shared secrets live, default `new MemoryStorage()`: the memory of one process. */
  readonly storage?: DpopStorage;
  /**
   * What happens when the replay store fails or is too slow: `refuse` with 503 (the default), or let the request pass
   * without knowing whether its proof was used before, and report each one on the decision channel.
   */
  readonly onReplayStoreFailure?: 'refuse' | 'accept-and-report';
  /** Whether unbound tokens pass as `Bearer`, for services in transition. Default `reject`. */
  readonly bearer?: 'reject' | 'allow-unbound';
  /** The protection space named in challenges (RFC 9110 §11.5), and part of what nonces are bound to. */
  readonly realm?: string;
  /** The protected resource metadata (RFC 9728) that challenges point to. */
  readonly metadata?: { readonly url: string };
  /** Sizes of the two caches. */
  readonly cache?: CacheOptions;
  /**
   * Adds to the log line of each refusal what the client sent: `htm`, `htu`, `iss`, `aud`, `kid` and the like, cut to
   * length and escaped. For development: clients write into your log then. Default `false`.
   */
  readonly logReceivedValues?: boolean;
  /**
   * What happens at start when a handler demands a proof, by `@Dpop`, `@RequireScopes`, `@RequireAuthentication` or
   * `@DpopBound`, and no `DpopGuard` is found that covers it: an `error` ends the start (the default), or `warn`.
   */
  readonly unguardedRoutes?: 'error' | 'warn';
  /** Whether the module is global, default `true`. */
  readonly isGlobal?: boolean;
  /** Milliseconds since the epoch, default `Date.now`; for tests. */
  readonly clock?: Clock;
}

export type AccessTokenOption = JwtAccessTokenOptions | AccessTokenVerifier;

/** How proofs are checked (§4.3). */
export interface ProofOptions {
  /** Signature algorithms accepted, and named in challenges; default: ES, PS, RS 256 to 512, Ed25519, EdDSA. */
  readonly algorithms?: readonly string[];
  /** How old a proof may be, in seconds, default 60. */
  readonly maxAgeSeconds?: number;
  /** How far in the future a proof may lie, in seconds, default 30. */
  readonly futureToleranceSeconds?: number;
  /** The greatest length of a proof, default 8192. */
  readonly maxBytes?: number;
  /** What to do about a query or fragment in `htu`: `ignore` it (§4.3, the default) or `reject` the proof. */
  readonly queryInHtu?: 'ignore' | 'reject';
}

/** How nonces are made and asked for (§8, §9). */
export interface NonceOptions {
  /** Whether every proof must carry one. There is no middle way (§11.3). Routes may differ, see `@Dpop`. */
  readonly mode: 'off' | 'required';
  /**
   * At least 32 octets, as `Uint8Array` or in base64 or base64url; the first of several signs, all are recognised.
   * Shared by all instances of a fleet. Default: that of the storage, or one made for this process.
   */
  readonly secret?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The least a nonce lives, in seconds, default 120; it lives for less than twice as long. */
  readonly lifetimeSeconds?: number;
  /** Whether a proof's age is told by its `iat` (the default) or, for clients with bad clocks, by its nonce. */
  readonly freshness?: 'iat' | 'nonce';
}

/** The bounds of what is remembered of requests that were accepted. */
export interface CacheOptions {
  /** Keys of clients, default 10,000. */
  readonly maxKeys?: number;
  /** Verified access tokens, default 10,000. */
  readonly maxTokens?: number;
}
