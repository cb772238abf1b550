/**
 * Sets how many stack frames an error captures; 0 makes a refusal cheap. If the app has frozen the limit, it stays.
 *
 * @returns the former limit
 */
export function setStackTraceLimit(limit: number): number {
  const former = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = limit;
  } catch {
    // Frozen.
  }
  return former;
}
