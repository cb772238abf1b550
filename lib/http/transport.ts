import type { ExecutionContext } from '@nestjs/common';

/** The request and the response of a platform, whatever they are. */
export interface Transport {
  readonly request: object;
  readonly response: object | undefined;
}

/**
 * The HTTP request behind an execution context: of a route, or of a GraphQL resolver through its context (Apollo's
 * `req` and `res`, Mercurius' `reply`). `undefined` for transports that are not known.
 */
export function transportOf(context: ExecutionContext): Transport | undefined {
  const type = context.getType<string>();
  // `switchToHttp` would say the same, and change the context each time.
  if (type === 'http') return toTransport(context.getArgByIndex(0), context.getArgByIndex(1));
  if (type !== 'graphql') return undefined;
  const graphql: unknown = context.getArgByIndex(2);
  if (!isObject(graphql)) return undefined;
  const reply = graphql['reply'];
  const request = graphql['req'] ?? graphql['request'] ?? (isObject(reply) ? reply['request'] : undefined);
  return toTransport(request, graphql['res'] ?? reply ?? (isObject(request) ? request['res'] : undefined));
}

function toTransport(request: unknown, response: unknown): Transport | undefined {
  if (!isObject(request)) return undefined;
  return { request, response: isObject(response) ? response : undefined };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
