import {
  type DpopErrorCode,
  type RefusalDetail,
  REFUSALS,
  type RefusalReason,
  STATUS_OF_CODE,
  type UnavailableReason,
} from './catalogue.js';
import { setStackTraceLimit } from './stack-trace-limit.js';

/** What a refusal adds to its challenge, and what it tells the operator. Nothing that a client sent. */
export interface RefusalDetails {
  /** Scopes the route asks for (RFC 6750 §3.1). */
  readonly scopes?: readonly string[];
  /** Authentication context classes the route asks for (RFC 9470 §3). */
  readonly acrValues?: readonly string[];
  /** The greatest age in seconds of the user's authentication (RFC 9470 §3). */
  readonly maxAgeSeconds?: number;
  /** The nonce to be used in the next proof (§8). */
  readonly nonce?: string;
  /** For the operator: which claim, member or step, where the reason covers several. */
  readonly detail?: RefusalDetail;
  /** For the operator: our own values, one of which was expected. */
  readonly expected?: readonly string[];
  /** For the operator: by how many seconds something came later or earlier than is accepted, rounded up. */
  readonly offBySeconds?: number;
}

/**
 * A request that was refused: its fault, not ours. `code` is stable and documented, `message` is the fixed sentence
 * that the client is told, `reason` says more to an operator. Holds nothing that a client sent.
 *
 * @see RFC 9449 §7.1, RFC 6750 §3.1
 */
export class DpopError extends Error {
  override readonly name = 'DpopError';
  readonly code: DpopErrorCode;
  readonly status: number;

  constructor(
    readonly reason: RefusalReason,
    readonly details: RefusalDetails = {},
  ) {
    const [code, sentence] = REFUSALS[reason];
    // An answer, not a mishap: to capture the stack would cost more than most checks, and `reason` names the check.
    const stackTraceLimit = setStackTraceLimit(0);
    super(sentence);
    setStackTraceLimit(stackTraceLimit);
    this.code = code;
    this.status = STATUS_OF_CODE[code];
  }
}

export interface UnavailableOptions {
  /** What happened. For the operator alone; its message may hold anything and is never logged. */
  readonly cause?: unknown;
  /** What the operator should know or do, in words of ours. */
  readonly advice?: string;
  /** Seconds after which another try makes sense, default 1. */
  readonly retryAfterSeconds?: number;
}

/**
 * No verdict could be reached, through no fault of the client: the issuer's keys or the replay store did not answer,
 * or something broke. Answered with 503 and `Retry-After`, never with a 401 that makes a client throw a good token
 * away.
 */
export class DpopUnavailableError extends Error {
  override readonly name = 'DpopUnavailableError';
  /** Declared, for apps whose `lib` is older than ES2022. */
  declare readonly cause?: unknown;
  readonly code = 'temporarily_unavailable' satisfies DpopErrorCode;
  readonly status = STATUS_OF_CODE.temporarily_unavailable;
  readonly advice: string | undefined;
  readonly retryAfterSeconds: number;

  constructor(
    readonly reason: UnavailableReason,
    { cause, advice, retryAfterSeconds = 1 }: UnavailableOptions = {},
  ) {
    super('The request cannot be verified at the moment', { cause });
    this.advice = advice;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** What comes out of a check that threw: refusals and failures as they are, anything else as a failure of ours. */
export function toDpopError(thrown: unknown): DpopError | DpopUnavailableError {
  if (thrown instanceof DpopError || thrown instanceof DpopUnavailableError) return thrown;
  return new DpopUnavailableError('internal_failure', { cause: thrown });
}
