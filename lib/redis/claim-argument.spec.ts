import { describe, expect, test } from '@jest/globals';
import type { ReplayClaim } from '../storage/replay.store.js';
import { argumentColumn, EMPTY_EPOCH, formatClaimArgument, maxAgeOf, maxAheadOf } from './claim-argument.js';

const NOW = 1_700_000_000;
const CLAIM: ReplayClaim = {
  id: 'abcdefghijklmnopQrstuvwxyz0123456789-_ABCDE',
  jkt: 'k'.repeat(43),
  nowSeconds: NOW,
  proofTimeSeconds: NOW - 20,
  freshUntilSeconds: NOW + 40,
  lifetimeSeconds: 90,
  epoch: undefined,
};
const EPOCH = 'epoch_-8';

const format = (changes: Partial<ReplayClaim> = {}, keyCount = 4) =>
  formatClaimArgument({ ...CLAIM, ...changes }, 'challenge', EPOCH, keyCount, 'attempt1');

/** What the scripts read: `sub` of Lua, which counts from 1, and has both ends in it. */
function read(argument: string, column: Parameters<typeof argumentColumn>[0]): string {
  const [, first, last] = /^sub\(argument, (\d+)(?:, (\d+))?\)$/.exec(argumentColumn(column)) ?? [];
  expect(first).toBeDefined();
  return argument.slice(Number(first) - 1, last === undefined ? undefined : Number(last));
}

describe('the columns of a claim, as the scripts read them (F1, F4)', () => {
  test.each<[Parameters<typeof argumentColumn>[0], string]>([
    ['field', 'abcdefghijklmnop'],
    ['shard', 'Q'],
    ['policy', 'c'],
    ['proofTime', String(NOW - 20)],
    // The slice ends at 1,700,000,040, and a proof of its end is fresh for 60 s.
    ['keepUntil', String(NOW + 40 + 60)],
    ['maxAhead', '00030'],
    ['rules', `${NOW + 40 + 60}00030`],
    ['nonceEpoch', EPOCH],
    ['now', String(NOW)],
    ['keyCount', '004'],
    ['attempt', 'attempt1'],
  ])('%s', (column, value) => {
    expect(read(format(), column)).toBe(value);
  });

  test('`a` accepts what may have been used before a loss', () => {
    expect(read(formatClaimArgument(CLAIM, 'accept', EPOCH, 4, 'x'), 'policy')).toBe('a');
  });

  test('a proof without a nonce has no epoch, in as many characters', () => {
    expect(read(formatClaimArgument(CLAIM, 'challenge', undefined, 4, 'x'), 'nonceEpoch')).toBe(EMPTY_EPOCH);
    expect(EMPTY_EPOCH).toHaveLength(EPOCH.length);
  });

  test('times are rounded up: no proof looks newer than it is', () => {
    const argument = format({ proofTimeSeconds: NOW - 20.5, nowSeconds: NOW + 0.001 });
    expect(read(argument, 'proofTime')).toBe(String(NOW - 20));
    expect(read(argument, 'now')).toBe(String(NOW + 1));
  });

  test.each<[number, string]>([
    [0, '0000000000'],
    [-5, '0000000000'],
    [12.5, '0000000013'],
    [999_999_999, '0999999999'],
    [9_999_999_999, '9999999999'],
    [10_000_000_000, '9999999999'],
    [1e15, '9999999999'],
  ])('a time has ten digits, whatever a clock says: %p', (nowSeconds, digits) => {
    const argument = format({ nowSeconds });
    expect(read(argument, 'now')).toBe(digits);
    expect(read(argument, 'attempt')).toBe('attempt1');
  });

  test('the number of keys has three digits', () => {
    expect(read(format({}, 64), 'keyCount')).toBe('064');
    expect(read(format({}, 999), 'keyCount')).toBe('999');
  });

  test.each<[number, string]>([
    [86_400, '86340'],
    [100_060, '99999'],
  ])('what is further ahead than five digits tell is as far as they do: %p', (lifetimeSeconds, digits) => {
    expect(read(format({ lifetimeSeconds }), 'maxAhead')).toBe(digits);
  });
});

test('the rules of an instance follow from the claim (F4)', () => {
  expect(maxAgeOf(CLAIM)).toBe(60);
  expect(maxAheadOf(CLAIM)).toBe(30);
  expect(maxAheadOf({ ...CLAIM, lifetimeSeconds: 60 })).toBe(0);
  expect(maxAheadOf({ ...CLAIM, lifetimeSeconds: 10 })).toBe(0);
});
