import type { DpopUnavailableError } from '../errors/dpop.error.js';
import { describeThrown } from '../errors/foreign-error.js';
import type { Clock } from '../runtime/clock.js';
import { LineBudget, type Omission } from '../runtime/line-budget.js';
import type { SecurityEventError } from './security-event.error.js';

export type WriteLine = (level: 'debug' | 'log' | 'warn' | 'error', text: string) => void;

/** Control characters, line separators, and marks that change the direction of text. */
const NOT_FOR_LOGS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const MAX_LINE_LENGTH = 4096;

/** A line, and the kind that its budget and its omissions are told by. */
interface Line {
  readonly level: 'log' | 'warn' | 'error';
  readonly kind: string;
  readonly parts: readonly (string | undefined)[];
}

/** What the operator learns of Security Event Tokens: nothing that was sent, and few lines of a flood. */
export class ReceiverLog {
  readonly #budget: LineBudget;
  readonly #write: WriteLine;

  constructor(write: WriteLine, clock: Clock) {
    this.#write = write;
    this.#budget = new LineBudget(clock);
  }

  /** @param transmitter the configured issuer, if one was recognised */
  refused({ reason, code, message, details }: SecurityEventError, transmitter: string | undefined): void {
    const { expected, offBySeconds, about, advice } = details;
    this.#line(transmitter, {
      level: 'warn',
      kind: `the refusals (${reason})`,
      parts: [
        `refused a Security Event Token: ${code} (${reason})`,
        message,
        offBySeconds === undefined
          ? undefined
          : `${offBySeconds} s too ${reason === 'exp' ? 'late' : 'early'}`,
        about,
        expected === undefined ? undefined : `expected: ${expected.join(' or ')}`,
        advice,
      ],
    });
  }

  failed({ reason, advice, cause }: DpopUnavailableError, transmitter: string | undefined): void {
    this.#line(transmitter, {
      level: 'error',
      kind: `the answers 503 (${reason})`,
      parts: [
        `answered 503 to a Security Event Token: ${reason}`,
        advice,
        ...(cause === undefined ? [] : describeThrown(cause)),
      ],
    });
  }

  /**
   * An event that revokes less than it says.
   *
   * @param event an event type that this library knows
   */
  notApplied(event: string, lost: LostRevocation, transmitter: string): void {
    const { unresolved, isPartly, hasResolver } = lost;
    const what = isPartly
      ? 'applied an event in part, since a part of its subject names no token'
      : 'acknowledged an event that revokes nothing, since its subject names no token';
    this.#line(transmitter, {
      level: 'warn',
      // Floods of one format do not hide another.
      kind: `the events whose subject names no token (${unresolved.join(' and ')})`,
      parts: [
        `${what}: ${event}`,
        ...unresolved,
        hasResolver
          ? 'resolveSubject returned undefined for it: let it return entries, or [] if there are no tokens'
          : 'add resolveSubject to the options of the transmitter',
      ],
    });
  }

  /** @param event an event type that this library knows */
  tooOld(event: string, maxTokenLifetimeSeconds: number, transmitter: string): void {
    this.#line(transmitter, {
      level: 'warn',
      kind: 'the events that are older than all tokens',
      parts: [
        `an event occurred longer ago than a token lives, ${maxTokenLifetimeSeconds} s: ${event}`,
        'entries with its time revoke no valid token; compare event_timestamp, toe and iat with the clock',
      ],
    });
  }

  otherContent(transmitter: string): void {
    this.#line(transmitter, {
      level: 'warn',
      kind: 'the tokens with a jti that was used before',
      parts: [
        'applied a Security Event Token whose jti an earlier one with other content had: the transmitter must use each jti once',
      ],
    });
  }

  streamEnded(status: 'paused' | 'disabled', transmitter: string): void {
    this.#line(transmitter, {
      level: 'warn',
      kind: 'the ends of streams',
      parts: [
        `the transmitter has set the stream to ${status} and sends no more events; revocations do not arrive until it is enabled`,
      ],
    });
  }

  /** @param what an event about the stream, which revokes nothing */
  streamEvent(what: string, transmitter: string): void {
    this.#line(transmitter, { level: 'log', kind: 'the events about the stream', parts: [what] });
  }

  debug(text: string, transmitter: string): void {
    // Outside of the budget, whose omissions would be warnings of what is no problem.
    this.#write('debug', `${text}; from ${transmitter}`);
  }

  /** Writes what was left out so far, at shutdown. */
  flush(): void {
    this.#writeOmissions(this.#budget.takeAllOmissions());
  }

  #line(transmitter: string | undefined, { level, kind, parts }: Line): void {
    if (!this.#budget.take(kind, `${transmitter}`)) return;
    this.#writeOmissions(this.#budget.takeOmissions());
    const from = transmitter === undefined ? undefined : `from ${transmitter}`;
    const text = [...parts, from].filter(Boolean).join('; ');
    this.#write(level, text.slice(0, MAX_LINE_LENGTH).replace(NOT_FOR_LOGS, ' '));
  }

  #writeOmissions(omissions: readonly Omission[]): void {
    for (const { kind, count, sinceMs } of omissions) {
      const since = new Date(sinceMs).toISOString();
      this.#write('warn', `${count} more of ${kind} from ${since} on were not logged one by one`);
    }
  }
}

/** What of an event is lost. */
export interface LostRevocation {
  /** The parts of the subject, in names that this library knows. */
  readonly unresolved: readonly string[];
  /** Whether other parts name tokens. */
  readonly isPartly: boolean;
  readonly hasResolver: boolean;
}
