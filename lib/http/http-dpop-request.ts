import type { DpopRequest } from './dpop-request.js';
import { isObject } from './transport.js';

/**
 * A request of Express or Fastify as the checks want it. `protocol` and `host` come from the framework, which alone
 * knows which proxies are trusted, and are asked for only when the origin depends on them.
 */
class HttpDpopRequest implements DpopRequest {
  constructor(
    private readonly request: Readonly<Record<string, unknown>>,
    readonly method: string,
    readonly target: string,
    readonly rawHeaders: readonly string[],
  ) {}

  get protocol(): string | undefined {
    return asString(this.request['protocol']);
  }

  get host(): string | undefined {
    return asString(this.request['host']);
  }
}

/** `undefined` for what is no HTTP request with its raw headers, for then nothing can be told of it. */
export function toDpopRequest(request: object): DpopRequest | undefined {
  if (!isObject(request)) return undefined;
  // Fastify wraps the request of Node, Express extends it.
  const raw = Array.isArray(request['rawHeaders']) ? request : request['raw'];
  if (!isObject(raw)) return undefined;
  const { method, rawHeaders } = raw;
  // Express shortens `url` in mounted apps, Fastify when it rewrites; both keep what came over the wire.
  const target = request['originalUrl'] ?? raw['url'];
  if (typeof method !== 'string' || typeof target !== 'string' || !Array.isArray(rawHeaders))
    return undefined;
  return new HttpDpopRequest(request, method, target, rawHeaders as readonly string[]);
}

function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
