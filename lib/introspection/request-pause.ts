import { OutboundError } from '../outbound/outbound-request.js';
import type { Clock } from '../runtime/clock.js';

/** For this long after a failed request, the issuer is not asked. */
export const PAUSE_SECONDS = 1;

interface Failure {
  readonly atMs: number;
  readonly message: string;
}

/**
 * Stops asking an issuer for a moment after a request has failed, so that an outage causes no flood. A failure beside
 * successes begins no pause: the issuer is up, and one token that it cannot handle must not stop all others.
 */
export class RequestPause {
  readonly #clock: Clock;
  #failure: Failure | undefined;
  #successes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Sends a request, unless there is a pause.
   *
   * @throws OutboundError during a pause; whatever the request throws
   */
  async send<T>(request: () => Promise<T>): Promise<T> {
    const failure = this.#failure;
    const passedMs = failure === undefined ? 0 : this.#clock() - failure.atMs;
    // A clock that is set back ends the pause.
    if (failure !== undefined && passedMs >= 0 && passedMs < PAUSE_SECONDS * 1000) {
      throw new OutboundError(`the last request failed less than ${PAUSE_SECONDS} s ago: ${failure.message}`);
    }
    const before = this.#successes;
    try {
      const outcome = await request();
      this.#successes += 1;
      this.#failure = undefined;
      return outcome;
    } catch (error) {
      const message = error instanceof OutboundError ? error.message : 'the request failed';
      if (this.#successes === before) this.#failure = { atMs: this.#clock(), message };
      throw error;
    }
  }
}
