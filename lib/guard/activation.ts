import type { ExecutionContext } from '@nestjs/common';
import type { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { publishUnexamined } from '../telemetry/decisions.js';
import { placeOf, routeNameOf } from '../transport/route-name.js';
import type { DpopExamination } from '../verification/examination.js';
import { type DpopPolicy, isReportOnly } from '../verification/policy.js';

/** One call of the guard, and what is known about it so far. */
export interface DpopActivation {
  readonly context: ExecutionContext;
  /** The policy of the route; that of the service until the route is known. */
  policy: DpopPolicy;
  /** What `getRequest` returned. */
  request: object | undefined;
  /** The examination of the request, the same for every guard that sees the request. */
  examination: DpopExamination | undefined;
}

/** @param ofService the policy until that of the route is known */
export function beginActivation(context: ExecutionContext, ofService: DpopPolicy): DpopActivation {
  return { context, policy: ofService, request: undefined, examination: undefined };
}

/** Publishes what came of the request, once for all guards that see it. */
export function publishRejection(
  { context, request, policy, examination }: DpopActivation,
  error: DpopError | DpopUnavailableError,
): void {
  const enforced = !isReportOnly(policy);
  const nameRoute = () => routeNameOf(context, request);
  if (examination !== undefined) examination.decisions.rejected(error, undefined, nameRoute, enforced);
  else publishUnexamined(error, placeOf(context, request), enforced);
}
