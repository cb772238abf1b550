/**
 * What the checks need of a request, in plain data, so that they know no platform. `DpopGuard` makes one of an
 * Express or Fastify request; `DpopVerifier` takes one from anybody.
 */
export interface DpopRequest {
  /** The method as it came over the wire, case kept (RFC 9110 §9.1). */
  readonly method: string;
  /** The method that the request was routed by, if middleware may have changed it: `htm` must equal both. */
  readonly routedMethod?: string | undefined;
  /** The request target as it came over the wire: `/path?query`, or the absolute form (RFC 9112 §3.2). */
  readonly target: string;
  /** Names and values in turn, as received and with duplicates, like `rawHeaders` of `node:http`. */
  readonly rawHeaders: readonly string[];
  /** `http` or `https`, by the framework's own trusted-proxy rules. Needed for `origin: 'request'` only. */
  readonly protocol?: string | undefined;
  /** Host and port, by the framework's own trusted-proxy rules. Needed for `origin: 'request'` only. */
  readonly host?: string | undefined;
  /**
   * Whether a request for this host, without a port, comes to the same route; where an app routes by host, the proof must be
   * for such a host. Left out: every host does.
   */
  readonly servesHost?: ((hostname: string) => boolean) | undefined;
}
