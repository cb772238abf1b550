/** A slice of time, by number. Records lie in slices by the end of their proofs' freshness, and expire slice by slice. */
export type Slice = number;

const SLICE_SECONDS = 60;
/** By how much the clocks of two instances may differ. */
export const CLOCK_SKEW_SECONDS = 30;

/** The slice of a proof. */
export function sliceOf(freshUntilSeconds: number): Slice {
  return Math.floor(freshUntilSeconds / SLICE_SECONDS);
}

/** All slices that a proof which is fresh now may lie in. */
export function liveSlices(nowSeconds: number, lifetimeSeconds: number): readonly Slice[] {
  const first = sliceOf(nowSeconds);
  const last = sliceOf(nowSeconds + lifetimeSeconds);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/**
 * For how many seconds from now the slice of a proof must be kept: beyond the end of every proof in it, by the clock of
 * any instance, since whoever begins a slice decides for all.
 */
export function secondsToKeep(freshUntilSeconds: number, nowSeconds: number): number {
  const end = (sliceOf(freshUntilSeconds) + 1) * SLICE_SECONDS;
  return Math.ceil(end - nowSeconds) + CLOCK_SKEW_SECONDS;
}
