import { subscribe } from 'node:diagnostics_channel';
import { DPOP_DECISION_CHANNEL, type DpopDecision } from '../../lib/index.js';

/** A span of this process' time, in milliseconds. */
interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A span within which this process wanted to run for a while, and was not let. */
interface Stall extends Span {
  readonly heldUpMs: number;
}

const BEAT_MS = 5;
/** Timers are late by less all the time. */
const NOTEWORTHY_MS = 20;

/**
 * How long each decision of this process took, less the time for which the machine gave it no processor: a test that
 * runs beside others cannot blame that on the code. Time that this process spent computing counts in full.
 */
export class AnswerTimes {
  #decisions: Span[] = [];
  #stalls: Stall[] = [];
  #beat = performance.now();
  #cpuMicros = cpuMicros();

  constructor() {
    subscribe(DPOP_DECISION_CHANNEL, (message) => {
      const toMs = performance.now();
      this.#decisions.push({ fromMs: toMs - (message as DpopDecision).durationMs, toMs });
    });
    setInterval(() => this.#lookForStall(), BEAT_MS).unref();
  }

  /** Those since the last time of asking, in milliseconds. */
  take(): readonly number[] {
    this.#lookForStall();
    const times = this.#decisions.map((decision) => this.#netMs(decision));
    [this.#decisions, this.#stalls] = [[], []];
    return times;
  }

  #lookForStall(): void {
    const [fromMs, cpuBefore] = [this.#beat, this.#cpuMicros];
    const toMs = (this.#beat = performance.now());
    this.#cpuMicros = cpuMicros();
    const heldUpMs = toMs - fromMs - BEAT_MS - (this.#cpuMicros - cpuBefore) / 1000;
    if (heldUpMs > NOTEWORTHY_MS) this.#stalls.push({ fromMs, toMs, heldUpMs });
  }

  #netMs(decision: Span): number {
    const heldUpMs = this.#stalls.map((stall) => Math.min(stall.heldUpMs, overlapMs(stall, decision)));
    return decision.toMs - decision.fromMs - heldUpMs.reduce((sum, ms) => sum + ms, 0);
  }
}

function overlapMs(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.toMs, other.toMs) - Math.max(one.fromMs, other.fromMs));
}

/** Of all threads: more is counted as computed than the event loop computed, never less. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
