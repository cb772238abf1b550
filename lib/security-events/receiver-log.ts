import type { DpopUnavailableError } from '../errors/dpop.error.js';
import { describeThrown } from '../errors/foreign-error.js';
import type { Clock } from '../runtime/clock.js';
import { LineBudget, type Omission } from '../runtime/line-budget.js';
import type { SecurityEventError } from './security-event.error.js';

export type WriteLine = (level: 'debug' | 'warn' | 'error', text: string) => void;

/** Control characters, line separators, and marks that change the direction of text. */
const NOT_FOR_LOGS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const MAX_LINE_LENGTH = 4096;

/** What the operator learns of Security Event Tokens: nothing that was sent, and few lines of a flood. */
export class ReceiverLog {
  readonly #budget: LineBudget;
  readonly #write: WriteLine;

  constructor(write: WriteLine, clock: Clock) {
    this.#write = write;
    this.#budget = new LineBudget(clock);
  }

  /** @param transmitter the configured issuer, if one was recognised */
  refused({ reason, code, message, expected }: SecurityEventError, transmitter: string | undefined): void {
    this.#line('warn', reason, transmitter, [
      `refused a Security Event Token: ${code} (${reason})`,
      message,
      expected === undefined ? undefined : `expected: ${expected.join(' or ')}`,
    ]);
  }

  failed({ reason, advice, cause }: DpopUnavailableError, transmitter: string | undefined): void {
    this.#line('error', reason, transmitter, [
      `answered 503 to a Security Event Token: ${reason}`,
      advice,
      ...(cause === undefined ? [] : describeThrown(cause)),
    ]);
  }

  /** @param event an event type that this library knows */
  notApplied(event: string, format: string | undefined, transmitter: string): void {
    this.#line('warn', 'not_applied', transmitter, [
      `acknowledged an event that revokes nothing, since its subject names no token: ${event}`,
      `subject format: ${format ?? 'not a known one'}`,
      'add resolveSubject to the options of the transmitter',
    ]);
  }

  streamEnded(status: 'paused' | 'disabled', transmitter: string): void {
    this.#line('warn', 'stream_ended', transmitter, [
      `the transmitter has set the stream to ${status} and sends no more events; revocations do not arrive until it is enabled`,
    ]);
  }

  debug(text: string, transmitter: string): void {
    // Outside of the budget, whose omissions would be warnings of what is no problem.
    this.#write('debug', `${text}; from ${transmitter}`);
  }

  /** Writes what was left out so far, at shutdown. */
  flush(): void {
    this.#writeOmissions(this.#budget.takeAllOmissions());
  }

  #line(
    level: 'warn' | 'error',
    kind: string,
    subject: string | undefined,
    parts: readonly (string | undefined)[],
  ): void {
    if (!this.#budget.take(kind, `${subject}`)) return;
    this.#writeOmissions(this.#budget.takeOmissions());
    const text = [...parts, subject === undefined ? undefined : `from ${subject}`].filter(Boolean).join('; ');
    this.#write(level, text.slice(0, MAX_LINE_LENGTH).replace(NOT_FOR_LOGS, ' '));
  }

  #writeOmissions(omissions: readonly Omission[]): void {
    for (const { kind, count, sinceMs } of omissions) {
      const since = new Date(sinceMs).toISOString();
      this.#write('warn', `${count} more of ${kind} from ${since} on were not logged one by one`);
    }
  }
}
