import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { areRoutedAlike } from '../http/express-routes.js';
import { isObject } from '../http/is-object.js';
import { type NodeRequest, nodeRequestOf } from '../http/node-request.js';
import { peerCertificateOf } from '../http/peer-certificate.js';
import { requestLineOf } from '../http/request-line.js';

/**
 * The request of Express or Fastify in the form that the checks use. `protocol` and `host` come from the framework, which
 * knows the trusted proxies. They are read only if the origin depends on them.
 */
class HttpDpopRequest implements DpopRequest {
  constructor(
    private readonly request: Readonly<Record<string, unknown>>,
    private readonly raw: NodeRequest,
    readonly method: string,
    readonly routedMethod: string,
    readonly target: string,
    readonly rawHeaders: readonly string[],
    readonly servesHost: DpopRequest['servesHost'],
  ) {}

  get protocol(): string | undefined {
    return asString(this.request['protocol']);
  }

  get host(): string | undefined {
    return asString(this.request['host']);
  }

  areRoutedAlike(one: string, other: string): boolean {
    return areRoutedAlike(this.request, one, other);
  }

  clientCertificate(): Uint8Array | undefined {
    return peerCertificateOf(this.raw.socket);
  }
}

/**
 * The request in the form that the checks use; `undefined` if it is not an HTTP request of Node.
 *
 * @throws DpopUnavailableError when an adapter has not filled the raw headers
 */
export function toDpopRequest(
  request: object,
  servesHost?: DpopRequest['servesHost'],
): DpopRequest | undefined {
  const raw = nodeRequestOf(request);
  if (raw === undefined || !isObject(request)) return undefined;
  const { method: routedMethod, rawHeaders } = raw;
  const line = requestLineOf(raw);
  // Express shortens `url` in mounted apps, and Fastify rewrites it. Both keep the received target.
  const target = line?.target ?? request['originalUrl'] ?? raw.url;
  if (typeof routedMethod !== 'string' || typeof target !== 'string' || !Array.isArray(rawHeaders))
    return undefined;
  if (rawHeaders.length === 0) assertNoHeaders(raw.headers);
  const method = line?.method ?? routedMethod;
  return new HttpDpopRequest(
    request,
    raw,
    method,
    routedMethod,
    target,
    rawHeaders as readonly string[],
    servesHost,
  );
}

/** Some serverless adapters fill only `headers`. A 401 would blame the client for that. */
function assertNoHeaders(headers: unknown): void {
  if (!isObject(headers) || Object.keys(headers).length === 0) return;
  throw new DpopUnavailableError('transport_unknown', {
    advice:
      'the serverless adapter fills headers and leaves rawHeaders empty, but repeated fields show only in rawHeaders; use an adapter that fills rawHeaders, or override getDpopRequest and build rawHeaders from the event of the platform',
  });
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
