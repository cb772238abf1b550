/** Returns milliseconds since the Unix epoch. The only source of time for all checks, so that a test can set the time. */
export type Clock = () => number;

/** The clock of the machine. */
export const systemClock: Clock = () => Date.now();
