import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DeadlineError, Deadlines } from '../runtime/deadlines.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from './replay.store.js';

export const DEFAULT_DEADLINE_MS = 250;

/**
 * A replay store, held to its deadline by the library: whoever wrote the store, no request waits for it without end. A
 * store that answers without a promise pays nothing for that.
 */
export class TimedReplayStore extends ReplayStore {
  readonly #store: ReplayStore;
  readonly #deadlineMs: number;
  readonly #deadlines: Deadlines;

  constructor(store: ReplayStore) {
    super();
    this.#store = store;
    this.#deadlineMs = store.deadlineMs ?? DEFAULT_DEADLINE_MS;
    this.#deadlines = new Deadlines(this.#deadlineMs);
  }

  /**
   * The store's outcome; nobody has looked whether it is one.
   *
   * @throws DpopUnavailableError when the store fails or is too slow
   */
  override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
    try {
      const outcome = this.#store.claim(claim);
      return isPromise(outcome) ? await this.#deadlines.hold(() => outcome) : outcome;
    } catch (cause) {
      throw cause instanceof DpopUnavailableError ? cause : this.#describe(cause);
    }
  }

  override epochOf(jkt: string): string {
    return this.#store.epochOf(jkt);
  }

  /** Ends within the deadline, and never fails: a look that did not succeed is made up for by the claim. */
  override async refreshEpoch(jkt: string): Promise<void> {
    if (this.#store.refreshEpoch === undefined) return;
    try {
      const look = this.#store.refreshEpoch(jkt);
      if (isPromise(look)) await this.#deadlines.hold(() => look);
    } catch {
      // The nonce names the memory that was known before.
    }
  }

  #describe(cause: unknown): DpopUnavailableError {
    const isLate = cause instanceof DeadlineError;
    const name = this.#store.constructor.name;
    return new DpopUnavailableError('replay_store_unavailable', {
      cause,
      ...(isLate && { advice: `${name} did not answer within ${this.#deadlineMs} ms` }),
    });
  }
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null | undefined)?.then === 'function';
}

/**
 * Whether the store could not be asked. A store that is full has answered: if it were passed over, whoever fills it could
 * replay at will. So has one that fails for another reason which it names.
 */
export function isReplayOutage(failure: unknown): failure is DpopUnavailableError {
  return failure instanceof DpopUnavailableError && failure.reason === 'replay_store_unavailable';
}
