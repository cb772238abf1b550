import type { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { isObject } from '../http/is-object.js';
import type { Place } from '../http/place.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { LineBudget, type Omission } from '../runtime/line-budget.js';
import type { DpopOutcome } from './differences.js';
import {
  describeDifference,
  describeFailure,
  describeRefusal,
  type FailureOutcome,
  type Reported,
} from './explanations.js';

export type WriteLine = (level: 'debug' | 'warn' | 'error', text: string) => void;

/** Writes a line for each refusal and failure, within the budget of lines. */
export class OperatorLog {
  static readonly #logs = new WeakMap<object, OperatorLog>();

  readonly #budget: LineBudget;

  constructor(clock: Clock) {
    this.#budget = new LineBudget(clock);
  }

  /** One for all guards of an app, since Nest creates a guard for each module that binds it. */
  static of(config: { readonly clock: Clock }): OperatorLog {
    return OperatorLog.#for(config, config.clock);
  }

  /** Without options: one for each app of Express or Fastify. */
  static ofRequest(request: unknown): OperatorLog {
    const { app, server } = (request ?? {}) as { readonly app?: unknown; readonly server?: unknown };
    const owner = [app, server].find((value) => typeof value === 'function' || isObject(value));
    return OperatorLog.#for((owner as object | undefined) ?? OperatorLog, systemClock);
  }

  static #for(owner: object, clock: Clock): OperatorLog {
    let log = OperatorLog.#logs.get(owner);
    if (log === undefined) OperatorLog.#logs.set(owner, (log = new OperatorLog(clock)));
    return log;
  }

  /**
   * @param received what the client sent, if `logReceivedValues` is on
   * @param report set for a request that is let through all the same
   */
  refused(
    write: WriteLine,
    error: DpopError,
    place: Place,
    received?: () => string,
    report?: Reported,
  ): void {
    const { reason, code, details } = error;
    if (!this.#budget.take(reason, `${details.detail} ${place.handler}`)) return;
    this.#writeOmissions(write);
    // A demand for a nonce is how a good client gets its first one. One that was only reported has demanded nothing yet,
    // and a quiet log must mean that clients cope.
    const level = code === 'use_dpop_nonce' && report === undefined ? 'debug' : 'warn';
    write(level, toLine([describeRefusal(error, place, report), received?.()]));
  }

  failed(write: WriteLine, error: DpopUnavailableError, place: Place, outcome?: FailureOutcome): void {
    if (!this.#budget.take(error.reason, `${place.handler}`)) return;
    this.#writeOmissions(write);
    write('error', toLine([describeFailure(error, place, outcome)]));
  }

  /** A request whose outcome the options under trial would change. */
  differs(write: WriteLine, present: DpopOutcome, trial: DpopOutcome, place: Place): void {
    if (!this.#budget.take('trial', `${trial.reason} ${place.handler}`)) return;
    this.#writeOmissions(write);
    write('warn', toLine([describeDifference(present, trial, place)]));
  }

  /** Writes what was left out so far, at shutdown. */
  flush(write: WriteLine): void {
    this.#write(write, this.#budget.takeAllOmissions());
  }

  #writeOmissions(write: WriteLine): void {
    this.#write(write, this.#budget.takeOmissions());
  }

  #write(write: WriteLine, omissions: readonly Omission[]): void {
    for (const { kind, count, sinceMs } of omissions) {
      const since = new Date(sinceMs).toISOString();
      write('warn', `${count} more of ${kind} from ${since} on were not logged one by one`);
    }
  }
}

const MAX_LINE_LENGTH = 4096;
/** Control characters, line separators, and marks that change the direction of text. */
const NOT_FOR_LOGS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line. An advice or an expected value of the app may contain line breaks. */
function toLine(parts: readonly (string | undefined)[]): string {
  const text = parts.filter(Boolean).join('; ');
  return text.slice(0, MAX_LINE_LENGTH).replace(NOT_FOR_LOGS, ' ');
}
