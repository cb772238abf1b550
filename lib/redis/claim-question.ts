import type { ReplayClaim } from '../storage/replay.store.js';
import { sliceFreshUntil, sliceOf } from './claim-slices.js';

/** No epoch: what a proof without a nonce names, and what the mark of a hash names that lacks records. */
export const EMPTY_EPOCH = '--------';

/** Of the claim's id, what is kept: 96 bits. */
const FIELD_LENGTH = 16;

/**
 * The columns of a question, first and last, as Lua counts: all of one width, so that a script reads one of them
 * without parsing all. Numbers of one width compare as strings do.
 */
const COLUMNS = {
  /** The field of the record. */
  field: '1, 16',
  /** Which of the slice's hashes it lies in. */
  shard: '17, 17',
  /** What to do about a proof that may have been seen before a loss: `c` challenge, `a` accept. */
  policy: '18, 18',
  proofTime: '19, 28',
  /** The end of the freshness of the last proof in the slice, by the rules of the instance that asks. */
  needed: '29, 38',
  /** How far beyond the present the time in a proof may lie, by the same rules. */
  ahead: '39, 43',
  /** Both of these. */
  rules: '29, 43',
  /** The epoch under which the nonce was handed out. */
  named: '44, 51',
  now: '52, 61',
  /** How many keys belong to the claim. */
  count: '62, 64',
  /** As long as it likes. */
  attempt: '65',
};

/** Lua that reads a column of `question`. */
export function questionColumn(column: keyof typeof COLUMNS): string {
  return `sub(question, ${COLUMNS[column]})`;
}

/** How long after the time in it a proof of this kind is fresh, by the rules of the instance that judged it. */
export function reachOf({ freshUntilSeconds, proofTimeSeconds }: ReplayClaim): number {
  return freshUntilSeconds - proofTimeSeconds;
}

/** How far beyond the present the time in a proof of this kind may lie, by the same rules. */
export function aheadOf(claim: ReplayClaim): number {
  return Math.max(0, claim.lifetimeSeconds - reachOf(claim));
}

/** Which of the hashes of a slice: 64 of them, so that Redis keeps them in its compact encoding. */
export function shardOf({ id }: ReplayClaim): string {
  return id.charAt(FIELD_LENGTH);
}

/** @param attempt never comes again */
export function formatQuestion(
  claim: ReplayClaim,
  policy: 'challenge' | 'accept',
  epoch: string | undefined,
  keyCount: number,
  attempt: string,
): string {
  const needed = sliceFreshUntil(sliceOf(claim.proofTimeSeconds), reachOf(claim));
  return (
    claim.id.slice(0, FIELD_LENGTH) +
    shardOf(claim) +
    (policy === 'challenge' ? 'c' : 'a') +
    tenDigits(claim.proofTimeSeconds) +
    tenDigits(needed) +
    digits(aheadOf(claim), 10 ** 5) +
    (epoch ?? EMPTY_EPOCH) +
    tenDigits(claim.nowSeconds) +
    digits(keyCount, 10 ** 3) +
    attempt
  );
}

/** Rounded up, as the claim's own times are: a proof must not look newer than it is. */
function tenDigits(seconds: number): string {
  const text = String(Math.ceil(seconds));
  return text.length === 10 ? text : digits(seconds, 10 ** 10);
}

/** With zeros in front. @param end the first number that is too long; what is beyond is cut */
function digits(value: number, end: number): string {
  return String(end + Math.min(end - 1, Math.max(0, Math.ceil(value)))).slice(1);
}
