import type { DpopConfig } from '../config/dpop-config.js';
import { DpopError, type DpopUnavailableError } from '../errors/dpop.error.js';
import { formatChallenges, isChallenged } from '../http/challenge.js';
import type { Place } from '../http/place.js';
import { dpopResponseHeaders, type ResponseHeader } from '../http/response-headers.js';
import { type FailureOutcome, PASSED } from '../telemetry/explanations.js';
import { OperatorLog, type WriteLine } from '../telemetry/operator-log.js';
import { describeReceived } from '../telemetry/received-values.js';
import type { DpopExamination } from '../verification/examination.js';
import { type DpopPolicy, permitsBearer } from '../verification/policy.js';

/** What the client and the operator are told of a request that is not let through. */
export class Refusals {
  readonly #config: DpopConfig;
  readonly #write: WriteLine;

  constructor(config: DpopConfig, write: WriteLine) {
    this.#config = config;
    this.#write = write;
  }

  /** The headers of the answer: challenge and nonce of a refusal, `Retry-After` of a failure. */
  headersOf(
    error: DpopError | DpopUnavailableError,
    policy: DpopPolicy,
    examination: DpopExamination | undefined,
  ): readonly ResponseHeader[] {
    const hasTicket = examination?.decisions.hasTicket;
    if (!(error instanceof DpopError))
      return dpopResponseHeaders({ retryAfterSeconds: error.retryAfterSeconds, hasTicket });
    const challenge = isChallenged(error) ? this.#formatChallenge(error, policy, examination) : undefined;
    return dpopResponseHeaders({ challenge, nonce: error.details.nonce, hasTicket });
  }

  /** Writes one line for the operator. */
  log(
    error: DpopError | DpopUnavailableError,
    place: Place,
    examination: DpopExamination | undefined,
    outcome?: FailureOutcome,
  ): void {
    const log = OperatorLog.of(this.#config);
    if (!(error instanceof DpopError)) return log.failed(this.#write, error, place, outcome);
    log.refused(this.#write, error, place, this.#receivedOf(examination));
  }

  /** Writes one line about a request that is let through by `enforcement: 'report'`. */
  logReported(
    error: DpopError | DpopUnavailableError,
    place: Place,
    examination: DpopExamination | undefined,
  ): void {
    if (!(error instanceof DpopError)) return this.log(error, place, examination, PASSED);
    const received = this.#receivedOf(examination);
    OperatorLog.of(this.#config).refused(this.#write, error, place, received, examination?.subject ?? {});
  }

  /**
   * Writes a line for each failure in spite of which the request is accepted.
   *
   * @param place called only if there is one: most requests pay for no names
   */
  logTolerated(examination: DpopExamination, place: () => Place): void {
    const { toleratedFailure, revocationFailure } = examination;
    if (toleratedFailure !== undefined)
      this.log(toleratedFailure, place(), examination, 'accepted without a replay check');
    if (revocationFailure !== undefined)
      this.log(revocationFailure, place(), examination, 'accepted without a revocation check');
  }

  #receivedOf(examination: DpopExamination | undefined): (() => string) | undefined {
    if (!this.#config.logReceivedValues || examination === undefined) return undefined;
    return () => describeReceived(examination.request);
  }

  #formatChallenge(error: DpopError, policy: DpopPolicy, examination: DpopExamination | undefined): string {
    const bearerOffered = permitsBearer(policy, this.#config);
    // Which scheme was used matters only where two are offered.
    const used = bearerOffered ? examination?.attemptedScheme : undefined;
    return formatChallenges(error, used, bearerOffered, this.#config.challenge, examination?.request);
  }
}
