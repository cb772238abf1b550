// The global function may be replaced by fake timers in the tests of an app.
import { setImmediate } from 'node:timers';

/** Signatures per turn. Timers, sockets and other routes wait for these at most, and for the import of their keys. */
export const SIGNATURES_IN_A_TURN = 8;
/** When more wait, a signature is verified at once: the service then reads sockets more slowly and senders slow down. */
export const MAX_WAITING = 1000;

const waiting: (() => void)[] = [];

/**
 * Resolves when the caller may verify a signature: at the end of this turn of the event loop, or of a later one. A few
 * callers go per turn, in their order. See docs/performance.md, "Under load".
 */
export function signatureTurn(): Promise<void> {
  if (waiting.length >= MAX_WAITING) return Promise.resolve();
  if (waiting.length === 0) setImmediate(takeTurn);
  return new Promise((resolve) => waiting.push(resolve));
}

function takeTurn(): void {
  const next = waiting.splice(0, SIGNATURES_IN_A_TURN);
  if (waiting.length > 0) setImmediate(takeTurn);
  for (const proceed of next) proceed();
}
