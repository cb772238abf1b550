import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Http2ServerRequest } from 'node:http2';
import { isObject } from './is-object.js';
import type { NodeRequest } from './node-request.js';
import { PrivateField } from './private-field.js';

/** The method and the target of a request, as received. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
}

/** Node publishes each HTTP/1 request on this channel, before any listener or framework sees it. */
const REQUEST_START = 'http.server.request.start';

/** Keeps the request line in private fields, because middleware can overwrite `method`, `url` and `originalUrl`. */
class ObservedRequest extends PrivateField {
  readonly #method: string;
  readonly #target: string;
  readonly #response: unknown;

  private constructor(request: object, method: string, target: string, response: unknown) {
    super(request);
    this.#method = method;
    this.#target = target;
    this.#response = response;
  }

  static observe(message: unknown): ObservedRequest | undefined {
    const { request, response } = isObject(message) ? message : {};
    if (!isObject(request) || #target in request) return undefined;
    const { method, url } = request;
    if (typeof method !== 'string' || typeof url !== 'string') return undefined;
    return new ObservedRequest(request, method, url, response);
  }

  static lineOf(request: object): RequestLine | undefined {
    return #target in request ? { method: request.#method, target: request.#target } : undefined;
  }

  static responseOf(request: object): object | undefined {
    return #response in request && isObject(request.#response) ? request.#response : undefined;
  }
}

let observers = 0;

/**
 * Keeps the line of every request that an HTTP server of this process receives from now on.
 *
 * @returns a function that ends the observation, once all apps of the process have called theirs
 */
export function observeRequestLines(): () => void {
  observers += 1;
  if (observers === 1) subscribe(REQUEST_START, ObservedRequest.observe);
  let hasEnded = false;
  return () => {
    if (hasEnded) return;
    hasEnded = true;
    observers -= 1;
    if (observers === 0) unsubscribe(REQUEST_START, ObservedRequest.observe);
  };
}

/** `undefined` for a request that did not come through a server of Node: one that is injected, or from a serverless adapter. */
export function requestLineOf(request: NodeRequest): RequestLine | undefined {
  if (request instanceof Http2ServerRequest) return pseudoHeadersOf(request.rawHeaders);
  return ObservedRequest.lineOf(request);
}

/** Node's response to a request; `undefined` where no line was observed, and for HTTP/2, which has its line elsewhere. */
export function observedResponseOf(request: NodeRequest): object | undefined {
  return ObservedRequest.responseOf(request);
}

/** HTTP/2 has the method and the target in the raw headers, before all fields (RFC 9113 §8.3). */
function pseudoHeadersOf(rawHeaders: unknown): RequestLine | undefined {
  if (!Array.isArray(rawHeaders)) return undefined;
  let method: unknown;
  let target: unknown;
  for (let i = 0; String(rawHeaders[i]).startsWith(':'); i += 2) {
    if (rawHeaders[i] === ':method') method = rawHeaders[i + 1];
    if (rawHeaders[i] === ':path') target = rawHeaders[i + 1];
  }
  return typeof method === 'string' && typeof target === 'string' ? { method, target } : undefined;
}
