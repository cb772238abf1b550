import { type ArgumentsHost, Inject, Injectable, Logger } from '@nestjs/common';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isObject } from '../http/is-object.js';
import { knownMethod } from '../http/known-method.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import type { DpopTicket } from '../tickets/ticket-content.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { responseOf, verdictOn } from '../verification/request-record.js';
import type { DpopHttpException } from './dpop-http.exception.js';
import { toFailureException } from './failure-exception.js';
import { acceptedRequestOf } from './get-dpop-verdict.js';

/**
 * Issues tickets for clients that cannot set headers: `EventSource`, `WebSocket` and downloads in browsers. A ticket opens
 * one route with `@Dpop({ ticket: 'allow' })` once, within seconds, for the client whose request was answered with it.
 *
 * @example
 * ```ts
 * @UseGuards(DpopGuard)
 * @Controller('feed')
 * export class FeedController {
 *   constructor(private readonly tickets: DpopTickets) {}
 *
 *   @Post('tickets')
 *   createTicket(@Req() request: Request): Promise<DpopTicket> {
 *     return this.tickets.issue(request, '/feed');
 *   }
 * }
 * ```
 */
@Injectable()
export class DpopTickets {
  constructor(@Inject(DpopVerifier) private readonly verifier: DpopVerifier) {}

  /**
   * @param source the request, or the `ExecutionContext`, that a `DpopGuard` let through
   * @param path of the route that the ticket opens, as requests have it: with prefix and version, without query
   * @throws DpopHttpException, 503, for a request without a verdict, for one that came with a ticket itself, for a path that
   *   no request has, and when the secrets are not available
   */
  async issue(source: ArgumentsHost | object, path: string): Promise<DpopTicket> {
    const request = acceptedRequestOf(source);
    const verdict = verdictOn(request);
    const examination = isObject(request) ? this.verifier.examinationOf(request) : undefined;
    if (verdict === undefined || examination === undefined) throw refuse(request, withoutVerdict(NO_VERDICT));
    if (!verdict.enforced) throw refuse(request, withoutVerdict(NOT_VERIFIED));
    if (verdict.hasTicket) throw refuse(request, withoutVerdict(NO_PROOF));
    try {
      return await examination.issueTicket(verdict, path);
    } catch (thrown) {
      throw refuse(request, toFailure(thrown));
    }
  }
}

const NO_VERDICT =
  'DpopTickets.issue() found no verdict, since no DpopGuard let this request through: put @UseGuards(DpopGuard) on the route, ' +
  'and remove @SkipDpop() if it opens the route: a ticket is issued to the client of a verified request only';
const NOT_VERIFIED =
  "DpopTickets.issue() was called for a request that enforcement: 'report' let through unverified: set @Dpop({ enforcement: 'enforce' }) on the route that issues tickets";
const NO_PROOF =
  'DpopTickets.issue() was called for a request that came with a ticket itself: issue tickets on a route without ticket: "allow"';

const logger = new Logger('DpopTickets');

function withoutVerdict(advice: string): DpopUnavailableError {
  return new DpopUnavailableError('verdict_missing', { advice });
}

/** The client is not at fault: its request was accepted. */
function toFailure(thrown: unknown): DpopUnavailableError {
  if (thrown instanceof DpopUnavailableError) return thrown;
  return new DpopUnavailableError('internal_failure', { cause: thrown });
}

function refuse(request: unknown, failure: DpopUnavailableError): DpopHttpException {
  const method = isObject(request) ? knownMethod(request['method']) : undefined;
  OperatorLog.ofRequest(request).failed((level, text) => logger[level](text), failure, { method });
  return toFailureException(failure, responseOf(request));
}
