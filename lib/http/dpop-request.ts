/**
 * The parts of a request that the checks need, independent of the platform. `DpopGuard` creates it from an Express or
 * Fastify request. Create your own to call `DpopVerifier` directly.
 */
export interface DpopRequest {
  /** The method as received, with its case (RFC 9110 §9.1). */
  readonly method: string;
  /** The method by which the framework routed the request. Middleware may change it; `htm` must equal both methods. */
  readonly routedMethod?: string | undefined;
  /** The request target as received: `/path?query`, or the absolute form (RFC 9112 §3.2). */
  readonly target: string;
  /** Names and values in turn, as received and with duplicates, like `rawHeaders` of `node:http`. */
  readonly rawHeaders: readonly string[];
  /**
   * The base URL that clients sign for this request, in place of the option `origin`: for a message that came without a
   * URL. Must not come from the client.
   */
  readonly baseUrl?: string | undefined;
  /** `http` or `https`, according to the trusted-proxy settings of the framework. For `origin: 'request'`. */
  readonly protocol?: string | undefined;
  /** Host and port, according to the trusted-proxy settings of the framework. For `origin: 'request'`, and for functions of the app. */
  readonly host?: string | undefined;
  /**
   * Whether a request for this host, without a port, reaches the same route. In an app that routes by host, the proof
   * must name such a host. Default: every host does.
   */
  readonly servesHost?: ((hostname: string) => boolean) | undefined;
  /**
   * Whether the framework routes two paths alike that have the same normal form. Called for a target that is not in
   * normal form. Default: it does.
   */
  areRoutedAlike?(one: string, other: string): boolean;
  /**
   * The certificate that the client presented in the TLS handshake with this process, in DER; `undefined` if there is none.
   * The handshake proves that the client has its key, and `rejectUnauthorized` of the server whether its issuer is trusted.
   */
  clientCertificate?(): Uint8Array | undefined;
}
