/**
 * Sets how many frames of the stack an error captures; 0 makes a refusal cheap. Where somebody has frozen the limit,
 * errors capture what they did before, and no harm is done.
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
