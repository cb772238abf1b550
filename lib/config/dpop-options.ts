import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { ConfirmationCheck } from '../access-token/second-confirmation.js';
import type { DpopRequest } from '../http/dpop-request.js';
import type { IssuerResolutionOptions } from '../issuer/issuer-resolution.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RevocationChecker } from '../revocation/revocation.checker.js';
import type { Clock } from '../runtime/clock.js';
import type { DpopStorage } from '../storage/dpop.storage.js';

/**
 * The options of `DpopModule.forRoot`. The module asserts them at start: for an unknown name or a wrong value it throws a
 * `TypeError` that names the option and the accepted form.
 */
export interface DpopModuleOptions {
  /**
   * The part of `htu` before the path, as clients sign it: the external origin of this service, with the path prefix that
   * a proxy strips, if any, `https://api.example.com/v1`. Several are accepted. `request` takes it from the request,
   * according to the trusted-proxy settings of the framework (Express `trust proxy`, Fastify `trustProxy`). A function
   * returns it for each request. Only https, and http on loopback (§2).
   */
  readonly origin: string | readonly string[] | 'request' | ((request: DpopRequest) => string);
  /** Accepts `http:` origins and issuers beyond loopback. Insecure: an eavesdropper reads tokens and responses. */
  readonly allowInsecureHttp?: boolean;
  /** The issuers whose access tokens are accepted, or a verifier of your own. */
  readonly accessToken: AccessTokenOption | readonly AccessTokenOption[];
  /**
   * Who checks what a token is bound to beside the DPoP key, such as the certificate in `x5t#S256` (RFC 8705). By default
   * such a token is refused. A function of `cnf` and the request returns whether the client meets it, such as
   * `confirmClientCertificate`. `jkt-only` says that the DPoP key is enough.
   */
  readonly confirmation?: 'jkt-only' | ConfirmationCheck;
  /** The maximum length of an access token, default 8192. */
  readonly maxTokenBytes?: number;
  readonly proof?: ProofOptions;
  /** Nonces (§9): `off` (the default), `required`, or an object with options. */
  readonly nonce?: 'off' | 'required' | NonceOptions;
  /**
   * Tickets for clients that cannot set headers, see `DpopTickets`. `forbid`: no route may accept any, and
   * `@Dpop({ ticket: 'allow' })` ends the start.
   */
  readonly tickets?: 'forbid' | TicketOptions;
  /** Where replay records and nonce secrets are kept, default `new MemoryStorage()`: the memory of one process. */
  readonly storage?: DpopStorage;
  /**
   * What happens when the replay store cannot be reached or is too slow. `refuse` (the default) answers 503.
   * `accept-and-report` accepts the request without a replay check and reports it on the decision channel.
   */
  readonly onReplayStoreFailure?: 'refuse' | 'accept-and-report';
  /**
   * Says whether an access token is revoked: a `MemoryDenyList`, the `RedisDenyList` of nestjs-dpop/redis, or a checker of
   * your own. Default: none; a token passes until it expires.
   */
  readonly revocation?: RevocationChecker;
  /**
   * What happens when the revocation checker fails or is too slow. `refuse` (the default) answers 503. `accept-and-report`
   * accepts the request, whether its token is revoked or not, and reports it on the decision channel.
   */
  readonly onRevocationFailure?: 'refuse' | 'accept-and-report';
  /**
   * Whether unbound tokens are accepted as `Bearer`, for a service in migration. Default `reject`: a route may still allow
   * them. `forbid`: no route may, and `@Dpop({ bearer: 'allow-unbound' })` ends the start.
   */
  readonly bearer?: 'reject' | 'allow-unbound' | 'forbid';
  /**
   * What happens with a request that does not pass the checks. `enforce` (the default) refuses it. `report` lets every request
   * through, and tells in the log and on the decision channel which ones would have been refused: for a roll-out. A route may
   * differ, see `@Dpop`.
   */
  readonly enforcement?: 'enforce' | 'report';
  /**
   * Options that are tried beside these, without effect: each request is verified a second time with them in place of the
   * present ones, and the log and the channel of differences tell which requests would change their outcome.
   */
  readonly trial?: TrialOptions;
  /** The protection space named in challenges (RFC 9110 §11.5). Nonces are bound to it. */
  readonly realm?: string;
  /** The protected resource metadata (RFC 9728) that challenges name: served by the library, or elsewhere at a URL. */
  readonly metadata?: MetadataOptions | MetadataLocation;
  /** Sizes of the two caches. */
  readonly cache?: CacheOptions;
  /**
   * Adds to the log line of each refusal what the client sent: the method, the target, `htm`, `htu`, `iss`, `aud`, `kid`
   * and others, escaped and cut to length. For development only: clients can then write into your log. Default `false`.
   */
  readonly logReceivedValues?: boolean;
  /**
   * What happens at start when a handler requires a proof, by `@Dpop`, `@DpopBound` or a decorator whose name begins with
   * `@Require`, and no `DpopGuard` covers it. `error` (the default) ends the start; `warn` logs a warning.
   */
  readonly unguardedRoutes?: 'error' | 'warn';
  /** Whether the module is global, default `true`. */
  readonly isGlobal?: boolean;
  /** Returns milliseconds since the Unix epoch, default `Date.now`. For tests. */
  readonly clock?: Clock;
}

/** What can be tried. Of `nonce`, only `mode` and `freshness` matter: the nonces are those of the service. */
export type TrialOptions = Partial<
  Pick<
    DpopModuleOptions,
    | 'origin'
    | 'allowInsecureHttp'
    | 'accessToken'
    | 'confirmation'
    | 'maxTokenBytes'
    | 'proof'
    | 'nonce'
    | 'revocation'
    | 'onRevocationFailure'
    | 'bearer'
  >
>;

export type AccessTokenOption = JwtAccessTokenOptions | IssuerResolutionOptions | AccessTokenVerifier;

/** How proofs are checked (§4.3). */
export interface ProofOptions {
  /** The accepted signature algorithms, which challenges list. Default: ES, PS, RS 256 to 512, Ed25519, EdDSA. */
  readonly algorithms?: readonly string[];
  /** The maximum age of a proof, in seconds, default 60. */
  readonly maxAgeSeconds?: number;
  /** How far `iat` may be in the future, in seconds, default 30. */
  readonly futureToleranceSeconds?: number;
  /** The maximum length of a proof, default 8192. */
  readonly maxBytes?: number;
  /** What happens with a query or fragment in `htu`: `ignore` (the default, §4.3) compares without it; `reject` refuses. */
  readonly queryInHtu?: 'ignore' | 'reject';
}

/** How nonces are issued and required (§8, §9). */
export interface NonceOptions {
  /** Whether every proof must have a nonce; it is never optional (§11.3). A route may differ, see `@Dpop`. */
  readonly mode: 'off' | 'required';
  /**
   * At least 32 bytes, as `Uint8Array` or in base64 or base64url. The first of several signs; all are recognised. All
   * instances must have the same. Default: the secrets of the storage, or a random one for this process.
   */
  readonly secret?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** The minimum lifetime of a nonce, in seconds, default 120. The maximum is just under twice as long. */
  readonly lifetimeSeconds?: number;
  /** What tells the age of a proof: its `iat` (the default), or its nonce, for clients with wrong clocks. */
  readonly freshness?: 'iat' | 'nonce';
}

/** How tickets are issued. */
export interface TicketOptions {
  /** The lifetime of a ticket, in seconds, 1 to 300, default 30; never longer than that of its access token. */
  readonly lifetimeSeconds?: number;
}

/** The protected resource metadata (RFC 9728) that the library serves. The other options decide all other members. */
export interface MetadataOptions {
  readonly url?: never;
  /**
   * The identifier of this service, exactly as clients know it, on one of the configured origins. Default: the origin by
   * which the client came.
   */
  readonly resource?: string;
  /** The scopes that clients may ask for. Default: the scopes that the routes require. An empty array names none. */
  readonly scopes?: readonly string[];
  /** The issuers that clients may get tokens from. Default: the issuers that `accessToken` names. */
  readonly authorizationServers?: readonly string[];
  /** The name of this service for end users. */
  readonly name?: string;
  /** The URL of a page for developers. */
  readonly documentationUrl?: string;
  /** The URL of a page on what clients may do with the data. */
  readonly policyUrl?: string;
  /** The URL of the terms of service. */
  readonly termsUrl?: string;
}

/** Protected resource metadata (RFC 9728) that another server, or a route of the app, serves. */
export interface MetadataLocation {
  readonly url: string;
}

/** The limits of the caches, which have entries of accepted requests only. */
export interface CacheOptions {
  /** The maximum number of client keys, default 10,000. */
  readonly maxKeys?: number;
  /** The maximum number of verified access tokens, default 10,000. */
  readonly maxTokens?: number;
}
