import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { DeadlineError, Deadlines } from '../runtime/deadlines.js';
import type { RevocableToken, RevocationChecker } from './revocation.checker.js';

const DEFAULT_DEADLINE_MS = 250;

/** The failure of the checker that `onRevocationFailure` tolerates, if there was one. */
export type ToleratedFailure = DpopUnavailableError | undefined;

/** Asks the checker, holds it to its deadline, and takes nothing but `false` for an answer that lets the token pass. */
export class RevocationCheck {
  readonly #checker: RevocationChecker;
  readonly #onFailure: 'refuse' | 'accept-and-report';
  readonly #deadlineMs: number;
  readonly #deadlines: Deadlines;

  constructor(checker: RevocationChecker, onFailure: 'refuse' | 'accept-and-report') {
    this.#checker = checker;
    this.#onFailure = onFailure;
    this.#deadlineMs = checker.deadlineMs ?? DEFAULT_DEADLINE_MS;
    this.#deadlines = new Deadlines(this.#deadlineMs);
  }

  /**
   * Returns for a token that is not revoked: at once if the checker answers at once.
   *
   * @throws DpopError `token_revoked`, or DpopUnavailableError when the checker fails, answers late or answers anything else
   */
  assertNotRevoked(token: RevocableToken): ToleratedFailure | Promise<ToleratedFailure> {
    let answer: unknown;
    try {
      answer = this.#checker.isRevoked(token);
    } catch (cause) {
      return this.#tolerate(cause);
    }
    return isPromise(answer) ? this.#settle(answer) : assertFalse(answer);
  }

  async #settle(pending: PromiseLike<unknown>): Promise<ToleratedFailure> {
    let answer: unknown;
    try {
      answer = await this.#deadlines.limit(() => pending);
    } catch (cause) {
      return this.#tolerate(cause);
    }
    return assertFalse(answer);
  }

  #tolerate(cause: unknown): DpopUnavailableError {
    const failure = cause instanceof DpopUnavailableError ? cause : this.#describe(cause);
    // A token that a deny-list cannot judge is no outage: it would pass for ever.
    if (this.#onFailure === 'refuse' || failure.reason !== 'revocation_unavailable') throw failure;
    return failure;
  }

  #describe(cause: unknown): DpopUnavailableError {
    const isLate = cause instanceof DeadlineError;
    const name = this.#checker.constructor.name;
    return new DpopUnavailableError('revocation_unavailable', {
      cause,
      ...(isLate && { advice: `${name} did not answer within ${this.#deadlineMs} ms` }),
    });
  }
}

/** A checker of the app may answer anything, and `undefined` is what a forgotten `await` or `return` leaves. */
function assertFalse(answer: unknown): undefined {
  if (answer === false) return undefined;
  if (answer === true) throw new DpopError('token_revoked');
  throw new DpopUnavailableError('revocation_unavailable', {
    advice: 'RevocationChecker.isRevoked must answer true or false',
  });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}
