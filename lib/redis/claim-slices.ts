/** The number of a slice of time. The records of a slice are stored together and expire together. */
export type Slice = number;

export const SLICE_SECONDS = 120;
/** The greatest difference between the clocks of two instances for which no replay passes. */
export const CLOCK_SKEW_SECONDS = 30;

/**
 * The slice of a proof. It depends on the proof alone, so that instances with different options look for the same proof
 * in the same place. Slice `n` ends at `n · 120 s`, inclusive.
 *
 * @param proofTimeSeconds see `ReplayClaim.proofTimeSeconds`
 */
export function sliceOf(proofTimeSeconds: number): Slice {
  return Math.ceil(proofTimeSeconds / SLICE_SECONDS);
}

/** The first and the last slice that can hold a proof which is fresh now, under the rules of one instance. */
export function liveSlices(
  nowSeconds: number,
  maxAgeSeconds: number,
  maxAheadSeconds: number,
): { readonly first: Slice; readonly last: Slice } {
  return { first: sliceOf(nowSeconds - maxAgeSeconds), last: sliceOf(nowSeconds + maxAheadSeconds) };
}

/** When the last proof of the slice expires, under the rules of one instance. */
export function sliceFreshUntil(slice: Slice, maxAgeSeconds: number): number {
  return slice * SLICE_SECONDS + maxAgeSeconds;
}
