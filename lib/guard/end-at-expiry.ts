import type { ExecutionContext } from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import type { DpopSessions } from '../sessions/dpop-sessions.js';
import { endWithToken } from '../sessions/response-end.js';
import { isReportOnly } from '../verification/policy.js';
import type { DpopVerdict } from '../verification/verdict.js';
import type { DpopActivation } from './activation.js';

/**
 * Ends the response with the access token, for a route with `endAtExpiry`. Sockets have an end of their own, and a route that
 * only reports ends nothing.
 *
 * @throws DpopUnavailableError for a response that is not one of Node
 */
export function endAtExpiry(
  { context, policy }: DpopActivation,
  response: object,
  verdict: DpopVerdict,
  sessions: DpopSessions,
): void {
  if (isReportOnly(policy) || context.getType() !== 'http') return;
  endWithToken(sessions, verdict, response, isEventStream(context));
}

/** Whether the handler has `@Sse`. */
function isEventStream(context: ExecutionContext): boolean {
  return Reflect.getMetadata(SSE_METADATA, context.getHandler()) === true;
}
