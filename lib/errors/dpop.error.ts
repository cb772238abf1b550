import {
  type DpopErrorCode,
  type RefusalDetail,
  REFUSALS,
  type RefusalReason,
  STATUS_OF_CODE,
  type UnavailableReason,
} from './catalogue.js';
import { setStackTraceLimit } from './stack-trace-limit.js';

/** Details of a refusal, for its challenge and for the operator. They contain nothing that a client sent. */
export interface RefusalDetails {
  /** The scopes that the route requires (RFC 6750 §3.1), all of them or, with `expected`, one of them. */
  readonly scopes?: readonly string[];
  /** The authentication context classes that the route requires (RFC 9470 §3). */
  readonly acrValues?: readonly string[];
  /** The maximum age of the user's authentication, in seconds (RFC 9470 §3). */
  readonly maxAgeSeconds?: number;
  /** The nonce for the next proof (§8). */
  readonly nonce?: string;
  /** For the operator: the claim, member or step, if the reason covers several. */
  readonly detail?: RefusalDetail;
  /** For the operator: the values of the service, one of which was expected. */
  readonly expected?: readonly string[];
  /** For the operator: what the route requires, all of it, in names of the service. */
  readonly required?: readonly string[];
  /** For the operator: which of the required values the token lacks. */
  readonly missing?: readonly string[];
  /** For the operator: what to change, often at the provider. */
  readonly advice?: string;
  /** For the operator: by how many seconds a time misses its limit, rounded up. */
  readonly offBySeconds?: number;
}

/**
 * The service refuses the request. `code` is stable and documented, `message` is the fixed sentence for the client, and
 * `reason` is more precise, for the operator. The error contains nothing that a client sent.
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
    // Without a stack: `reason` names the check, and capturing the stack would cost more than most checks.
    const stackTraceLimit = setStackTraceLimit(0);
    super(sentence);
    setStackTraceLimit(stackTraceLimit);
    this.code = code;
    this.status = STATUS_OF_CODE[code];
  }
}

export interface UnavailableOptions {
  /** The original error. Its message may contain anything and is never logged. */
  readonly cause?: unknown;
  /** For the operator: what is wrong and what to do. Must contain nothing that a client sent. */
  readonly advice?: string;
  /** After how many seconds the client should retry, default 1. */
  readonly retryAfterSeconds?: number;
  /** The message, for what is no verification of a request. Default: the request cannot be verified. */
  readonly sentence?: string;
}

const CANNOT_VERIFY = 'The request cannot be verified at the moment';

/**
 * The service cannot verify the request, and the client is not at fault: the issuer or the replay store does not answer,
 * or another part of the service fails. The answer is 503 with `Retry-After`. A 401 would make the client discard a good
 * token.
 */
export class DpopUnavailableError extends Error {
  override readonly name = 'DpopUnavailableError';
  /** Declared here for apps whose `lib` is older than ES2022. */
  declare readonly cause?: unknown;
  readonly code = 'temporarily_unavailable' satisfies DpopErrorCode;
  readonly status = STATUS_OF_CODE.temporarily_unavailable;
  readonly advice: string | undefined;
  readonly retryAfterSeconds: number;

  constructor(
    readonly reason: UnavailableReason,
    { cause, advice, retryAfterSeconds = 1, sentence = CANNOT_VERIFY }: UnavailableOptions = {},
  ) {
    super(sentence, { cause });
    this.advice = advice;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A refusal or a failure unchanged; any other error as `internal_failure`. */
export function toDpopError(thrown: unknown): DpopError | DpopUnavailableError {
  if (thrown instanceof DpopError || thrown instanceof DpopUnavailableError) return thrown;
  return new DpopUnavailableError('internal_failure', { cause: thrown });
}
