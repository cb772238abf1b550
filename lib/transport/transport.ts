import type { ExecutionContext } from '@nestjs/common';
import { isObject } from '../http/is-object.js';
import { nodeRequestOf } from '../http/node-request.js';

/** The request and the response of a platform, whatever they are. */
export interface Transport {
  readonly request: object;
  readonly response: object | undefined;
}

/**
 * The HTTP request behind an execution context: of a route, or of a GraphQL resolver through its context (Apollo's
 * `req` and `res`, Mercurius' `reply`, the handshake of graphql-ws). `undefined` for transports that are not known.
 */
export function transportOf(context: ExecutionContext): Transport | undefined {
  const type = context.getType<string>();
  // `switchToHttp` would say the same, and change the context each time.
  if (type === 'http') return toTransport(context.getArgByIndex(0), context.getArgByIndex(1));
  if (type !== 'graphql') return undefined;
  const graphql: unknown = context.getArgByIndex(2);
  if (!isObject(graphql)) return undefined;
  const reply = graphql['reply'];
  const given = graphql['req'] ?? graphql['request'] ?? (isObject(reply) ? reply['request'] : undefined);
  const request = handshakeOf(given) ?? given;
  return toTransport(request, graphql['res'] ?? reply ?? (isObject(request) ? request['res'] : undefined));
}

/** Apollo's `req` of a subscription is the context of graphql-ws, which keeps the GET that opened the socket. */
function handshakeOf(given: unknown): object | undefined {
  if (!isObject(given) || nodeRequestOf(given) !== undefined || !isObject(given['extra'])) return undefined;
  const { request } = given['extra'];
  return isObject(request) && nodeRequestOf(request) !== undefined ? request : undefined;
}

function toTransport(request: unknown, response: unknown): Transport | undefined {
  if (!isObject(request)) return undefined;
  return { request, response: isObject(response) ? response : undefined };
}

/** The `reply` of a Mercurius subscription is none: it carries the request and no headers. */
export function carriesHeaders(response: object): boolean {
  return ['setHeader', 'header'].some(
    (name) => typeof (response as Readonly<Record<string, unknown>>)[name] === 'function',
  );
}
