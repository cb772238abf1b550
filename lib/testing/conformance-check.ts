import { hash, randomUUID } from 'node:crypto';
import type { Clock } from '../runtime/clock.js';

/** One check of a conformance kit, for any test runner. */
export interface ConformanceCheck {
  /** The law that the implementation must keep. */
  readonly name: string;
  /** @throws Error that says what the implementation did instead */
  readonly run: () => Promise<void>;
}

/** A clock that the check advances. It starts at the present, because an implementation may have a clock of its own. */
export class CheckClock {
  #ms = Date.now();

  readonly read: Clock = () => this.#ms;

  get nowSeconds(): number {
    return this.#ms / 1000;
  }

  advance(seconds: number): void {
    this.#ms += seconds * 1000;
  }
}

/** @throws Error with the words if the condition does not hold */
export function expectThat(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}

/** 43 characters of base64url, as thumbprints and ids of claims are. Different for each call. */
export function createDigest(): string {
  return hash('sha256', randomUUID(), 'base64url');
}
