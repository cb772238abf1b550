interface PendingWork {
  readonly dueMs: number;
  readonly reject: (error: Error) => void;
}

/** Work had no outcome within its deadline. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`);
  }
}

/**
 * Rejects work that has no outcome within a deadline. All work has the same deadline and is therefore due in the order
 * in which it began, so that one timer serves all of it.
 */
export class Deadlines {
  readonly #deadlineMs: number;
  /** In the order in which the work began. */
  readonly #pending = new Set<PendingWork>();
  #isScheduled = false;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /**
   * The outcome of the work, if it has one within the deadline.
   *
   * @param begin starts the work; its argument is when the work is due, by `performance.now()`
   * @throws DeadlineError when the work is late; the work itself continues
   */
  limit<T>(begin: (dueMs: number) => PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending = { dueMs: performance.now() + this.#deadlineMs, reject };
      this.#pending.add(pending);
      if (!this.#isScheduled) this.#schedule(this.#deadlineMs);
      const settle = () => this.#pending.delete(pending);
      const work = begin(pending.dueMs);
      work.then(settle, settle);
      work.then(resolve, reject);
    });
  }

  #schedule(delayMs: number): void {
    this.#isScheduled = true;
    // `setImmediate` lets the process first read answers that came in time while a long task blocked it.
    setTimeout(() => setImmediate(() => this.#rejectOverdue()), delayMs).unref();
  }

  #rejectOverdue(): void {
    this.#isScheduled = false;
    const nowMs = performance.now();
    for (const pending of this.#pending) {
      if (pending.dueMs > nowMs) {
        this.#schedule(pending.dueMs - nowMs);
        return;
      }
      this.#pending.delete(pending);
      pending.reject(new DeadlineError(this.#deadlineMs));
    }
  }
}
