import type { Clock } from './clock.js';

const WINDOW_MS = 60_000;
/** Per minute: lines of one kind, and lines of one kind about one subject. */
const MAX_LINES = 30;
const MAX_LINES_OF_SUBJECT = 10;

interface Window {
  readonly startMs: number;
  /** Has at most `MAX_LINES` subjects, because only a line that is written adds one. */
  readonly linesOf: Map<string, number>;
  lines: number;
  omitted: number;
}

/** How many lines of a kind were left out, and since when, in milliseconds since the Unix epoch. */
export interface Omission {
  readonly kind: string;
  readonly count: number;
  readonly sinceMs: number;
}

/**
 * Limits the lines that a flood of refusals writes: at most 30 lines of a kind per minute, and 10 of them about one
 * subject, so that a flood at one route does not hide the first refusal at another. Memory is bounded, because kinds
 * come from a closed list.
 */
export class LineBudget {
  readonly #clock: Clock;
  readonly #windows = new Map<string, Window>();
  #omissions: Omission[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one more line may be written. */
  take(kind: string, subject: string): boolean {
    const window = this.#windowOf(kind);
    const linesOfSubject = window.linesOf.get(subject) ?? 0;
    if (window.lines >= MAX_LINES || linesOfSubject >= MAX_LINES_OF_SUBJECT) {
      window.omitted += 1;
      return false;
    }
    window.lines += 1;
    window.linesOf.set(subject, linesOfSubject + 1);
    return true;
  }

  /** The omissions of windows that have ended; each is returned once. Call it before each line. */
  takeOmissions(): readonly Omission[] {
    for (const [kind, window] of this.#windows) this.#closeIfOver(kind, window);
    const omissions = this.#omissions;
    this.#omissions = [];
    return omissions;
  }

  /** All omissions, including those of windows that have not ended. For the shutdown. */
  takeAllOmissions(): readonly Omission[] {
    for (const [kind, { omitted, startMs }] of this.#windows) {
      if (omitted > 0) this.#omissions.push({ kind, count: omitted, sinceMs: startMs });
    }
    this.#windows.clear();
    const omissions = this.#omissions;
    this.#omissions = [];
    return omissions;
  }

  #windowOf(kind: string): Window {
    const present = this.#windows.get(kind);
    if (present !== undefined && !this.#closeIfOver(kind, present)) return present;
    const window = { startMs: this.#clock(), linesOf: new Map<string, number>(), lines: 0, omitted: 0 };
    this.#windows.set(kind, window);
    return window;
  }

  #closeIfOver(kind: string, { startMs, omitted }: Window): boolean {
    const nowMs = this.#clock();
    // A clock that is set back also ends a window.
    if (nowMs >= startMs && nowMs < startMs + WINDOW_MS) return false;
    if (omitted > 0) this.#omissions.push({ kind, count: omitted, sinceMs: startMs });
    this.#windows.delete(kind);
    return true;
  }
}
