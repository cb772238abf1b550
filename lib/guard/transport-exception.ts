import type { ExecutionContext } from '@nestjs/common';
import { toRpcException } from '../transport/rpc-exception.js';
import { transportOf } from '../transport/transport.js';
import type { DpopHttpException } from './dpop-http.exception.js';

/** The exception that reaches the client of the transport. For HTTP and GraphQL it is the same. */
export function toTransportException(context: ExecutionContext, exception: DpopHttpException): Error {
  const { statusCode, extensions, message } = exception;
  const refusal = { statusCode, code: extensions.code, message };
  if (context.getType<string>() === 'rpc') return toRpcException(refusal) ?? exception;
  return transportOf(context)?.toException?.(refusal) ?? exception;
}
