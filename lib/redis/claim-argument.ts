import type { ReplayClaim } from '../storage/replay.store.js';
import { sliceFreshUntil, sliceOf } from './claim-slices.js';

/** Stands for no epoch: in a claim without a nonce, and in the mark of a hash that lacks records. */
export const EMPTY_EPOCH = '--------';

/** Length of the field that a record is stored under: 96 bits of the claim's id. */
const FIELD_LENGTH = 16;

/**
 * Positions in the argument of a claim: first and last character, counted from 1 as in Lua. All columns have a fixed
 * width, so that a script can read one of them without parsing the others, and compare numbers as strings.
 */
const COLUMNS = {
  /** The field of the record. */
  field: '1, 16',
  /** The shard of the slice. */
  shard: '17, 17',
  /** What happens to a proof that may have been used before a loss: `c` challenge, `a` accept. */
  policy: '18, 18',
  proofTime: '19, 28',
  /** Until when the hash must be kept: until the last proof of the slice expires under the rules of the instance. */
  keepUntil: '29, 38',
  /** How many seconds the time of a proof may be ahead of the present, under the same rules. */
  maxAhead: '39, 43',
  /** `keepUntil` and `maxAhead`. */
  rules: '29, 43',
  /** The epoch that the nonce of the proof carries. */
  nonceEpoch: '44, 51',
  now: '52, 61',
  /** The number of keys of this claim. */
  keyCount: '62, 64',
  /** Has any length. */
  attempt: '65',
};

/** Lua that reads a column of the variable `argument`. */
export function argumentColumn(column: keyof typeof COLUMNS): string {
  return `sub(argument, ${COLUMNS[column]})`;
}

/** How many seconds after its time a proof is fresh, under the rules of the instance that verified it. */
export function maxAgeOf({ freshUntilSeconds, proofTimeSeconds }: ReplayClaim): number {
  return freshUntilSeconds - proofTimeSeconds;
}

/** How many seconds the time of a proof may be ahead of the present, under the rules of the same instance. */
export function maxAheadOf(claim: ReplayClaim): number {
  return Math.max(0, claim.lifetimeSeconds - maxAgeOf(claim));
}

/** A slice has 64 hashes, so that each is small enough for the compact encoding of Redis. */
export function shardOf({ id }: ReplayClaim): string {
  return id.charAt(FIELD_LENGTH);
}

/**
 * One claim in the form that `CLAIM_SCRIPT` reads.
 *
 * @param attempt unique to this call of `claim`
 */
export function formatClaimArgument(
  claim: ReplayClaim,
  policy: 'challenge' | 'accept',
  nonceEpoch: string | undefined,
  keyCount: number,
  attempt: string,
): string {
  const keepUntil = sliceFreshUntil(sliceOf(claim.proofTimeSeconds), maxAgeOf(claim));
  return (
    claim.id.slice(0, FIELD_LENGTH) +
    shardOf(claim) +
    (policy === 'challenge' ? 'c' : 'a') +
    formatTime(claim.proofTimeSeconds) +
    formatTime(keepUntil) +
    formatDigits(maxAheadOf(claim), 10 ** 5) +
    (nonceEpoch ?? EMPTY_EPOCH) +
    formatTime(claim.nowSeconds) +
    formatDigits(keyCount, 10 ** 3) +
    attempt
  );
}

/** Ten digits, rounded up like the times of the claim: a proof must not look newer than it is. */
function formatTime(seconds: number): string {
  return formatDigits(seconds, 10 ** 10);
}

/**
 * Rounds up and pads with zeros.
 *
 * @param end the first number that has too many digits; a greater value becomes `end - 1`
 */
function formatDigits(value: number, end: number): string {
  return String(end + Math.min(end - 1, Math.max(0, Math.ceil(value)))).slice(1);
}
