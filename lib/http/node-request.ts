import { IncomingMessage } from 'node:http';
import { Http2ServerRequest } from 'node:http2';
import { Readable } from 'node:stream';
import { isObject } from './is-object.js';

/** A request that Node's own HTTP server made. */
export interface NodeRequest {
  readonly method?: unknown;
  readonly url?: unknown;
  readonly headers?: unknown;
  readonly rawHeaders?: unknown;
}

/**
 * Node's request behind a framework's: Express extends it, Fastify wraps it. `undefined` for every other object: one
 * that only has the members of a request may have been written by a client, as `connectionParams` of graphql-ws are.
 */
export function nodeRequestOf(request: unknown): NodeRequest | undefined {
  if (isNodeRequest(request)) return request;
  if (!isObject(request)) return undefined;
  const { raw } = request;
  return isNodeRequest(raw) ? raw : undefined;
}

/** By its prototypes, which no parser of JSON can give to an object. */
function isNodeRequest(value: unknown): value is NodeRequest {
  return value instanceof IncomingMessage || value instanceof Http2ServerRequest || isInjected(value);
}

/** Fastify's `inject`, for tests and some serverless adapters, makes a stream of its own. */
function isInjected(value: unknown): value is NodeRequest {
  return value instanceof Readable && 'isLightMyRequest' in value && value.isLightMyRequest === true;
}
