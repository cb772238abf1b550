/** A slice of time, by number. Records lie in slices by the time in their proof, and expire slice by slice. */
export type Slice = number;

export const SLICE_SECONDS = 120;
/** By how much the clocks of two instances may differ. */
export const CLOCK_SKEW_SECONDS = 30;

/**
 * The slice of a proof. It follows from the proof alone, so that instances with different options look for the same
 * proof in the same place. Slice `n` ends at `n · 120 s`, and holds the proofs of the 120 seconds before that.
 *
 * @param proofTimeSeconds see `ReplayClaim.proofTimeSeconds`
 */
export function sliceOf(proofTimeSeconds: number): Slice {
  return Math.ceil(proofTimeSeconds / SLICE_SECONDS);
}

/** The first and the last slice that a proof which is fresh now may lie in, by the rules of one instance. */
export function liveSlices(
  nowSeconds: number,
  reachSeconds: number,
  aheadSeconds: number,
): { readonly first: Slice; readonly last: Slice } {
  return { first: sliceOf(nowSeconds - reachSeconds), last: sliceOf(nowSeconds + aheadSeconds) };
}

/** The end of the freshness of the last proof in this slice, by the rules of one instance. */
export function sliceFreshUntil(slice: Slice, reachSeconds: number): number {
  return slice * SLICE_SECONDS + reachSeconds;
}
