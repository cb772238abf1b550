import type { ExecutionContext } from '@nestjs/common';
import type { DpopExamination } from '../verification/examination.js';
import type { DpopPolicy } from '../verification/policy.js';

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
