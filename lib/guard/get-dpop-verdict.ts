import type { ArgumentsHost } from '@nestjs/common';
import { isObject } from '../http/is-object.js';
import { transportOf } from '../transport/transport.js';
import { verdictOn } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';

/**
 * The verdict on a request that a `DpopGuard` let through, for guards, interceptors and filters of the app. `undefined` if
 * no `DpopGuard` did: before the guard has run, for a refused request, and on an open route. It is read from a record that
 * neither middleware nor a client can forge.
 *
 * @param source an `ExecutionContext` or `ArgumentsHost` of Nest (HTTP, GraphQL, a transport of your own); or the request
 * of Express or Fastify, or the one of Node behind it
 */
export function getDpopVerdict(source: ArgumentsHost | object | undefined): DpopVerdict | undefined {
  return verdictOn(acceptedRequestOf(source));
}

/** @internal The request, with its verdict if there is one; any object that is no `ArgumentsHost` is taken for it. */
export function acceptedRequestOf(source: ArgumentsHost | object | undefined): unknown {
  if (!isArgumentsHost(source)) return source;
  // A guard for another transport leaves the verdict on the object that stands for the request: one of the arguments.
  const request = transportOf(source)?.request;
  const candidates: readonly unknown[] = [request, ...source.getArgs<unknown[]>()];
  return candidates.find((candidate) => verdictOn(candidate) !== undefined) ?? request;
}

/** No request has these methods, and no JSON of a client can have them. */
function isArgumentsHost(source: unknown): source is ArgumentsHost {
  return (
    isObject(source) &&
    ['getType', 'getArgs', 'getArgByIndex'].every((name) => typeof source[name] === 'function')
  );
}
