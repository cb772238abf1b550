import type { ArgumentsHost } from '@nestjs/common';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isObject } from '../http/is-object.js';
import { nodeRequestOf } from '../http/node-request.js';
import { handshakeOf } from './handshake.js';
import type { ToException } from './handshake.js';

/** The request and the response of a platform. */
export interface Transport {
  readonly request: object;
  readonly response: object | undefined;
  /** Makes the exception that reaches the client of a transport other than HTTP. */
  readonly toException?: ToException | undefined;
}

/**
 * The HTTP request behind an execution context: of a route, of a GraphQL resolver through its context (Apollo's `req` and
 * `res`, Mercurius' `reply`, the handshake of graphql-ws), of a message on a socket that was verified at its handshake, or
 * of a call of an MCP server. `undefined` for an unknown transport.
 */
export function transportOf(context: ArgumentsHost): Transport | undefined {
  const type = context.getType<string>();
  // `switchToHttp` returns the same, but changes the type of the context.
  if (type === 'http') return toTransport(context.getArgByIndex(0), context.getArgByIndex(1));
  if (type === 'ws') return handshakeOf(context.getArgByIndex(0));
  if (type === 'rpc') return toTransport(rawRequestOf(context.getArgByIndex(1)), undefined);
  if (type !== 'graphql') return undefined;
  const graphql: unknown = context.getArgByIndex(2);
  if (!isObject(graphql)) return undefined;
  const reply = graphql['reply'];
  const given = graphql['req'] ?? graphql['request'] ?? (isObject(reply) ? reply['request'] : undefined);
  const request = subscriptionRequestOf(given) ?? given;
  return toTransport(request, graphql['res'] ?? reply ?? (isObject(request) ? request['res'] : undefined));
}

/** In a subscription, Apollo's `req` is the context of graphql-ws, which has the GET request that opened the socket. */
function subscriptionRequestOf(given: unknown): object | undefined {
  if (!isObject(given) || nodeRequestOf(given) !== undefined || !isObject(given['extra'])) return undefined;
  const { request } = given['extra'];
  return isObject(request) && nodeRequestOf(request) !== undefined ? request : undefined;
}

/** The context of @rekog/mcp-nest tells the HTTP request of a call. Other `rpc` contexts have none. */
function rawRequestOf(context: unknown): object | undefined {
  if (!isObject(context) || typeof context['getRawRequest'] !== 'function') return undefined;
  const request: unknown = context['getRawRequest']();
  return isObject(request) && nodeRequestOf(request) !== undefined ? request : undefined;
}

function toTransport(request: unknown, response: unknown): Transport | undefined {
  if (!isObject(request)) return undefined;
  return { request, response: isObject(response) ? response : undefined };
}

/** The refusal of a transport that `transportOf` does not know. */
export function unknownTransport(): DpopUnavailableError {
  return new DpopUnavailableError('transport_unknown', {
    advice:
      'DpopGuard takes only HTTP requests of Node, Express and Fastify, also from the context of a GraphQL resolver and of an MCP tool; a message of a microservice needs a DpopMessageGuard of nestjs-dpop/microservices; a socket must be opened by DpopWsAdapter or DpopIoAdapter; a GraphQL subscription needs the request that opened its socket there, as context: ({ extra }) => ({ req: extra.request }) gives it; for anything else override getRequest and getDpopRequest',
  });
}

/** The `reply` of a Mercurius subscription has the request and cannot set headers. */
export function carriesHeaders(response: object): boolean {
  return ['setHeader', 'header'].some(
    (name) => typeof (response as Readonly<Record<string, unknown>>)[name] === 'function',
  );
}
