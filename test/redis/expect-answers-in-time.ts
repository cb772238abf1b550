import { expect } from '@jest/globals';

/** The default of `deadlineMs`. */
const DEADLINE_MS = 250;
const GRACE_MS = 100;

/** F5: whatever Redis does, each request is answered within the deadline plus a grace. */
export function expectAnswersInTime(timesMs: readonly number[]): void {
  expect(timesMs.length).toBeGreaterThan(100);
  expect(Math.max(...timesMs)).toBeLessThanOrEqual(DEADLINE_MS + GRACE_MS);
}
