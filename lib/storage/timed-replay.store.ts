import { DpopUnavailableError } from '../errors/dpop.error.js';
import { DeadlineError, Deadlines } from '../runtime/deadlines.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from './replay.store.js';

export const DEFAULT_DEADLINE_MS = 250;

/**
 * Enforces the deadline of a replay store, so that no request waits for a store that hangs. A store that answers without
 * a promise has no timer.
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
   * The outcome of the store, not validated.
   *
   * @throws DpopUnavailableError when the store fails or is too slow
   */
  override async claim(claim: ReplayClaim): Promise<ReplayOutcome> {
    try {
      const outcome = this.#store.claim(claim);
      return isPromise(outcome) ? await this.#deadlines.limit(() => outcome) : outcome;
    } catch (cause) {
      throw cause instanceof DpopUnavailableError ? cause : this.#describe(cause);
    }
  }

  override epochOf(jkt: string): string {
    return this.#store.epochOf(jkt);
  }

  /** Ends within the deadline and never rejects: if it fails, the next claim reveals a loss. */
  override async refreshEpoch(jkt: string): Promise<void> {
    if (this.#store.refreshEpoch === undefined) return;
    try {
      const refresh = this.#store.refreshEpoch(jkt);
      if (isPromise(refresh)) await this.#deadlines.limit(() => refresh);
    } catch {
      // The nonce carries the last known epoch.
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
 * Whether `onReplayStoreFailure` applies: the store did not answer. A full store does answer. If its refusal were
 * tolerated, a client that fills the store could replay proofs.
 */
export function isReplayOutage(failure: unknown): failure is DpopUnavailableError {
  return failure instanceof DpopUnavailableError && failure.reason === 'replay_store_unavailable';
}
