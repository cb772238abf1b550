import type { Clock } from './clock.js';

const WINDOW_MS = 60_000;
/** Lines of one kind in a minute, and of these the lines about one subject. */
const MAX_LINES = 30;
const MAX_LINES_OF_SUBJECT = 10;

interface Window {
  readonly startMs: number;
  /** Holds at most `MAX_LINES` subjects, since only a line that is written adds one. */
  readonly linesOf: Map<string, number>;
  lines: number;
  omitted: number;
}

/** How many lines of a kind were left out, and since when, in milliseconds since the epoch. */
export interface Omission {
  readonly kind: string;
  readonly count: number;
  readonly sinceMs: number;
}

/**
 * Keeps a flood of refusals from being a flood of lines: at most 30 lines of a kind in a minute, 10 of them about one
 * subject, so that a flood at one route does not hide the first refusal at another. Kinds come from a closed list, which
 * bounds the memory.
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

  /** What was left out in windows that are over. Each omission is told once; call it with each line. */
  takeOmissions(): readonly Omission[] {
    for (const [kind, window] of this.#windows) this.#closeIfOver(kind, window);
    const omissions = this.#omissions;
    this.#omissions = [];
    return omissions;
  }

  /** What was left out so far, in windows that are not over, too. */
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
    // A clock that was set back ends a window, too.
    if (nowMs >= startMs && nowMs < startMs + WINDOW_MS) return false;
    if (omitted > 0) this.#omissions.push({ kind, count: omitted, sinceMs: startMs });
    this.#windows.delete(kind);
    return true;
  }
}
