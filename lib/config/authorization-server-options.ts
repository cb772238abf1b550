import type { DpopRequest } from '../http/dpop-request.js';
import type { Clock } from '../runtime/clock.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import type { NonceOptions, ProofOptions } from './dpop-options.js';

/**
 * The options of `DpopAuthorizationServerModule.forRoot`. The module asserts them at start: for an unknown name or a wrong
 * value it throws a `TypeError` that names the option and the accepted form.
 */
export interface DpopAuthorizationServerOptions {
  /** The issuer identifier of this server, exactly as in its metadata and in `iss`. Nonces are bound to it. */
  readonly issuer: string;
  /**
   * The part of `htu` before the path, as clients sign it. Default: the origin of `issuer`, without its path. Set it if a
   * proxy strips a path prefix, `https://example.com/auth`, or if clients reach the server by several origins. It has the
   * forms of the option `origin` of `DpopModule`.
   */
  readonly origin?: string | readonly string[] | 'request' | ((request: DpopRequest) => string);
  /** Accepts `http:` beyond loopback. Insecure: an eavesdropper reads codes and tokens. */
  readonly allowInsecureHttp?: boolean;
  /**
   * What happens to a request without a proof: `refuse` (the default), or `accept`, while some clients still ask for Bearer
   * tokens. An endpoint may differ, see `@DpopProof`.
   */
  readonly absentProof?: 'refuse' | 'accept';
  readonly proof?: ProofOptions;
  /** Nonces (§8): `off` (the default), `required`, or an object with options. They are not those of `DpopModule`. */
  readonly nonce?: 'off' | 'required' | NonceOptions;
  /** Where replay records and nonce secrets are kept, default `new MemoryStorage()`: the memory of one process. */
  readonly storage?: DpopStorage;
  /** Adds to the log line of each refusal what the client sent. For development only. Default `false`. */
  readonly logReceivedValues?: boolean;
  /**
   * What happens at start when a handler has decorators that no guard enforces: `@DpopProof` or `@DpopBound` without a guard,
   * or those of resources in an app without `DpopModule`. `error` (the default) ends the start; `warn` logs a warning.
   */
  readonly unguardedRoutes?: 'error' | 'warn';
  /** Whether the module is global, default `true`. */
  readonly isGlobal?: boolean;
  /** Returns milliseconds since the Unix epoch, default `Date.now`. For tests. */
  readonly clock?: Clock;
}
