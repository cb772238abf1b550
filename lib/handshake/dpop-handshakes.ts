import { type IncomingMessage, validateHeaderValue } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { type DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import { Refusals } from '../guard/refusals.js';
import { knownMethod } from '../http/known-method.js';
import type { Place, RouteName } from '../http/place.js';
import { toRecord } from '../http/response-headers.js';
import { publishUnexamined } from '../telemetry/decisions.js';
import { toHandshakeRequest } from '../transport/handshake-request.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import type { DpopExamination } from '../verification/examination.js';
import { type DpopPolicy, isReportOnly, overlayPolicy } from '../verification/policy.js';
import { leaveVerdict, recordOf } from '../verification/request-record.js';
import { createUnenforcedVerdict, type DpopVerdict } from '../verification/verdict.js';
import type { HandshakeOutcome, HandshakeRefusal } from './handshake-outcome.js';

/**
 * So many handshakes are verified at a time. The timeouts of the HTTP server end with the head of a request, and each
 * handshake that waits for an issuer holds a connection.
 */
const MAX_PENDING = 4096;

/**
 * Verifies the request that opens a socket, before the upgrade, as the GET that it is. Guards do not run for it. The
 * adapters of this library use it; a server of your own may, too.
 *
 * @see RFC 6455 §4.2.2, RFC 9449 §7.1
 */
@Injectable()
export class DpopHandshakes {
  private readonly refusals: Refusals;
  private pending = 0;

  constructor(
    @Inject(DpopVerifier) private readonly verifier: DpopVerifier,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
  ) {
    const logger = new Logger(DpopHandshakes.name);
    this.refusals = new Refusals(config, (level, text) => logger[level](text));
  }

  /**
   * Never rejects. The verdict stays with the request: `DpopGuard` finds it for each message of the socket.
   *
   * @param policy over that of the service
   * @param name of what answers on the socket, in names of the app, for the operator
   */
  async verify(
    request: IncomingMessage,
    policy: Partial<DpopPolicy> = {},
    name: RouteName = {},
  ): Promise<HandshakeOutcome> {
    const whole = overlayPolicy(this.config.policy, policy);
    let examination: DpopExamination | undefined;
    this.pending += 1;
    try {
      if (this.pending > MAX_PENDING) throw new DpopUnavailableError('handshakes_full');
      examination = this.verifier.examineOnce(request, () => toHandshakeRequest(request));
      if (whole.anonymous === 'allow' && examination.isAnonymous(whole)) {
        recordOf(request).isAnonymous = true;
        examination.decisions.anonymous(() => name);
        return {};
      }
      const verdict = await examination.authorize(whole, () => name);
      leaveVerdict(request, verdict);
      this.refusals.logTolerated(examination, () => placeOf(request, name));
      return { verdict };
    } catch (thrown) {
      const error = toDpopError(thrown);
      if (examination === undefined) publishUnexamined(error, placeOf(request, name));
      if (isReportOnly(whole)) return { verdict: this.report(request, error, name, examination) };
      return { refusal: this.refuse(error, whole, examination, placeOf(request, name)) };
    } finally {
      this.pending -= 1;
    }
  }

  /** @internal The answer to a handshake about which something of the app has failed. It tells the operator, too. */
  fail(request: IncomingMessage, cause: unknown, name: RouteName = {}): HandshakeRefusal {
    const failure = new DpopUnavailableError('internal_failure', { cause });
    return this.refuse(failure, this.config.policy, undefined, placeOf(request, name));
  }

  private refuse(
    error: DpopError | DpopUnavailableError,
    policy: DpopPolicy,
    examination: DpopExamination | undefined,
    place: Place,
  ): HandshakeRefusal {
    this.refusals.log(error, place, examination);
    const headers = this.refusals.headersOf(error, policy, examination);
    try {
      // Adapters write the head as it is, and the nonce may be one of the app.
      for (const { name, value } of headers) validateHeaderValue(name, value);
    } catch (cause) {
      const failure = new DpopUnavailableError('internal_failure', { cause });
      return this.refuse(failure, policy, examination, place);
    }
    return {
      status: error.status,
      code: error.code,
      headers: {
        ...toRecord(headers),
        'Content-Type': 'application/json; charset=utf-8',
        Connection: 'close',
      },
      body: JSON.stringify(new DpopHttpException(error).getResponse()),
    };
  }

  /** Tells what would have been refused. */
  private report(
    request: IncomingMessage,
    error: DpopError | DpopUnavailableError,
    name: RouteName,
    examination: DpopExamination | undefined,
  ): DpopVerdict {
    this.refusals.logReported(error, placeOf(request, name), examination);
    const verdict = createUnenforcedVerdict(error);
    leaveVerdict(request, verdict);
    return verdict;
  }
}

function placeOf({ method }: IncomingMessage, name: RouteName): Place {
  return { ...name, method: knownMethod(method) };
}
