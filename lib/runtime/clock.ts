/**
 * The one source of time: milliseconds since the epoch. Every check, window and expiry of the library reads this
 * function, so that a test can hold the time in its hand.
 */
export type Clock = () => number;

/** The clock of the machine. */
export const systemClock: Clock = () => Date.now();
