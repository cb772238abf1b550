/** Work under way. */
interface Pending {
  readonly dueMs: number;
  readonly giveUp: (error: Error) => void;
}

/** Something had no outcome within its deadline. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';

  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`);
  }
}

/**
 * Gives up what has no outcome within the deadline. One timer serves all work under way, since it is due in the order
 * in which it began; a timer for each would be made and dropped, nearly always for nothing.
 */
export class Deadlines {
  readonly #deadlineMs: number;
  /** In the order of their beginning. */
  readonly #pending = new Set<Pending>();
  #isTimed = false;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /**
   * The outcome of the work, if it is there in time.
   *
   * @param begin is given the time at which the work is due, by `performance.now()`
   * @throws DeadlineError when it is late; the work itself goes on
   */
  hold<T>(begin: (dueMs: number) => PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const pending = { dueMs: performance.now() + this.#deadlineMs, giveUp: reject };
      this.#pending.add(pending);
      if (!this.#isTimed) this.#lookIn(this.#deadlineMs);
      const forget = () => this.#pending.delete(pending);
      const work = begin(pending.dueMs);
      work.then(forget, forget);
      work.then(resolve, reject);
    });
  }

  #lookIn(ms: number): void {
    this.#isTimed = true;
    // After what has come meanwhile was read: where this process was held up, nobody else is to blame.
    setTimeout(() => setImmediate(() => this.#look()), ms).unref();
  }

  #look(): void {
    this.#isTimed = false;
    const nowMs = performance.now();
    for (const pending of this.#pending) {
      if (pending.dueMs > nowMs) {
        this.#lookIn(pending.dueMs - nowMs);
        return;
      }
      this.#pending.delete(pending);
      pending.giveUp(new DeadlineError(this.#deadlineMs));
    }
  }
}
