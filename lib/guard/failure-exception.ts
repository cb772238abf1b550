import type { DpopUnavailableError } from '../errors/dpop.error.js';
import { holdForHead } from '../http/response-head.js';
import { dpopResponseHeaders, toRecord } from '../http/response-headers.js';
import { DpopHttpException } from './dpop-http.exception.js';

/**
 * The exception of a failure. Its `Retry-After` is held for the response, since Nest's exceptions cannot carry headers.
 *
 * @param response of the platform, if there is one
 */
export function toFailureException(
  failure: DpopUnavailableError,
  response: object | undefined,
): DpopHttpException {
  const headers = dpopResponseHeaders({ retryAfterSeconds: failure.retryAfterSeconds });
  const takeBack = response && holdForHead(response, headers, failure.status);
  return new DpopHttpException(failure, takeBack, toRecord(headers));
}
