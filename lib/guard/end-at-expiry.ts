import type { ExecutionContext } from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import type { DpopSessions } from '../sessions/dpop-sessions.js';
import { endWithToken } from '../sessions/response-end.js';
import type { DpopVerdict } from '../verification/verdict.js';

/** Ends a response over HTTP when the access token ends: an event stream is closed, any other connection is cut off. */
export function endAtExpiry(
  sessions: DpopSessions,
  verdict: DpopVerdict,
  context: ExecutionContext,
  response: object,
): void {
  if (context.getType() !== 'http') return;
  const isEventStream = Reflect.getMetadata(SSE_METADATA, context.getHandler()) === true;
  endWithToken(sessions, verdict, response, isEventStream);
}
