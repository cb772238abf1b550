import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { areRoutedAlike } from '../http/express-routes.js';
import { isObject } from '../http/is-object.js';
import { nodeRequestOf } from '../http/node-request.js';
import { requestLineOf } from '../http/request-line.js';

/**
 * A request of Express or Fastify as the checks want it. `protocol` and `host` come from the framework, which alone
 * knows which proxies are trusted, and are asked for only when the origin depends on them.
 */
class HttpDpopRequest implements DpopRequest {
  constructor(
    private readonly request: Readonly<Record<string, unknown>>,
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
}

/**
 * `undefined` for what is no HTTP request of Node's, for then nothing can be told of it.
 *
 * @throws DpopUnavailableError for a request whose raw headers were lost on the way
 */
export function toDpopRequest(
  request: object,
  servesHost?: DpopRequest['servesHost'],
): DpopRequest | undefined {
  const raw = nodeRequestOf(request);
  if (raw === undefined || !isObject(request)) return undefined;
  const { method: routedMethod, rawHeaders } = raw;
  const line = requestLineOf(raw);
  // Express shortens `url` in mounted apps, Fastify when it rewrites; both keep what came over the wire.
  const target = line?.target ?? request['originalUrl'] ?? raw.url;
  if (typeof routedMethod !== 'string' || typeof target !== 'string' || !Array.isArray(rawHeaders))
    return undefined;
  if (rawHeaders.length === 0) assertNoHeaders(raw.headers);
  const method = line?.method ?? routedMethod;
  return new HttpDpopRequest(
    request,
    method,
    routedMethod,
    target,
    rawHeaders as readonly string[],
    servesHost,
  );
}

/** Some serverless adapters fill `headers` alone: a 401 would blame the client for it. */
function assertNoHeaders(headers: unknown): void {
  if (!isObject(headers) || Object.keys(headers).length === 0) return;
  throw new DpopUnavailableError('transport_unknown', {
    advice:
      'the adapter that made this request fills headers and leaves rawHeaders empty, in which repeated fields are counted; use an adapter that fills rawHeaders, or override getDpopRequest and build rawHeaders from the event of the platform',
  });
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
