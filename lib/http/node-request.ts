import { IncomingMessage } from 'node:http';
import { Http2ServerRequest } from 'node:http2';
import { Readable } from 'node:stream';
import { isObject } from './is-object.js';

/** A request that the HTTP server of Node created. */
export interface NodeRequest {
  readonly method?: unknown;
  readonly url?: unknown;
  readonly headers?: unknown;
  readonly rawHeaders?: unknown;
  readonly socket?: unknown;
}

/**
 * The request of Node behind the request of a framework: Express extends it, Fastify wraps it. `undefined` for every
 * other object. A client could write an object that has the members of a request, such as `connectionParams` of
 * graphql-ws.
 */
export function nodeRequestOf(request: unknown): NodeRequest | undefined {
  if (isNodeRequest(request)) return request;
  if (!isObject(request)) return undefined;
  const { raw } = request;
  return isNodeRequest(raw) ? raw : undefined;
}

/** Checks prototypes, which no JSON parser can set. */
function isNodeRequest(value: unknown): value is NodeRequest {
  return value instanceof IncomingMessage || value instanceof Http2ServerRequest || isInjected(value);
}

/** Fastify's `inject`, used by tests and some serverless adapters, creates its own kind of stream. */
function isInjected(value: unknown): value is NodeRequest {
  return value instanceof Readable && 'isLightMyRequest' in value && value.isLightMyRequest === true;
}
