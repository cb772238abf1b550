import { DpopError } from '../errors/dpop.error.js';
import type { RevocationCheck } from '../revocation/revocation-check.js';
import type { Clock } from '../runtime/clock.js';
import type { DpopVerdict } from '../verification/verdict.js';
import type { SessionEnd } from './session-end.js';

const TICK_MS = 1000;
/** Each session asks for its revocation once in so many ticks, so that a fleet of sockets does not ask all at once. */
const REVOCATION_TICKS = 5;
/** A checker that fails for so long ends the session: nobody knows whether its token still holds. */
const MAX_FAILURES = 3;

interface Session {
  readonly verdict: DpopVerdict;
  readonly expiresAtSeconds: number;
  /** The tick, of `REVOCATION_TICKS`, at which it asks. */
  readonly turn: number;
  readonly end: (reason: SessionEnd) => void;
  isAsking: boolean;
  failures: number;
}

/**
 * Ends what outlives its request when the access token ends: sockets and streams. Injectable, for connections that an app
 * keeps open by itself.
 *
 * @example
 * ```ts
 * const stop = sessions.watch(verdict, (reason) => socket.close(4401, reason));
 * socket.once('close', stop);
 * ```
 */
export class DpopSessions {
  readonly #clock: Clock;
  readonly #revocations: RevocationCheck | undefined;
  readonly #sessions = new Set<Session>();
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;
  #opened = 0;

  /** @param revocations left out in a service without revocation */
  constructor(clock: Clock, revocations?: RevocationCheck) {
    this.#clock = clock;
    this.#revocations = revocations;
  }

  /**
   * Calls `end` once: within a second after the token expired, and within five after the service learned that it is
   * revoked.
   *
   * @returns a function that ends the watch, for a session that has ended by itself
   */
  watch(verdict: DpopVerdict, end: (reason: SessionEnd) => void): () => void {
    const session: Session = {
      verdict,
      expiresAtSeconds: verdict.claims.exp ?? Infinity,
      turn: (this.#opened += 1) % REVOCATION_TICKS,
      end,
      isAsking: false,
      failures: 0,
    };
    this.#sessions.add(session);
    // Does not keep the process alive.
    this.#timer ??= setInterval(() => this.tick(), TICK_MS).unref();
    return () => this.#drop(session);
  }

  /** @internal Looks at all sessions once. */
  tick(): void {
    this.#ticks += 1;
    const nowSeconds = this.#clock() / 1000;
    for (const session of this.#sessions) {
      if (nowSeconds >= session.expiresAtSeconds) this.#end(session, 'token_expired');
      else if (session.turn === this.#ticks % REVOCATION_TICKS) void this.#askRevocation(session);
    }
  }

  /** @internal Ends the watch over all sessions. */
  close(): void {
    for (const session of this.#sessions) this.#drop(session);
  }

  async #askRevocation(session: Session): Promise<void> {
    if (this.#revocations === undefined || session.isAsking) return;
    session.isAsking = true;
    try {
      await this.#revocations.assertNotRevoked(session.verdict);
      session.failures = 0;
    } catch (thrown) {
      session.failures += 1;
      if (thrown instanceof DpopError) this.#end(session, 'token_revoked');
      else if (session.failures >= MAX_FAILURES) this.#end(session, 'revocation_unavailable');
    } finally {
      session.isAsking = false;
    }
  }

  #end(session: Session, reason: SessionEnd): void {
    if (!this.#sessions.has(session)) return;
    this.#drop(session);
    try {
      session.end(reason);
    } catch {
      // The other sessions must end, too.
    }
  }

  #drop(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
