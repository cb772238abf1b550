import { describe, expect, test } from '@jest/globals';
import type { SignatureKey } from '../jws/signature.js';
import { MatchingKeys, MAX_SIGNATURES_PER_TOKEN } from './matching-keys.js';

const keyNamed = (name: string) => ({ hash: name }) as unknown as SignatureKey;

/** How many keys a token costs that this key signed; `undefined` when it was not found. */
function present(matching: MatchingKeys, signer: SignatureKey | undefined): number | undefined {
  const tried: SignatureKey[] = [];
  for (const key of matching.candidates()) {
    tried.push(key);
    if (key !== signer) continue;
    matching.settle(tried, key);
    return tried.length;
  }
  matching.settle(tried, undefined);
  return undefined;
}

describe('the keys that match a token without kid (B1)', () => {
  test.each([1, 2])('%i of them are all tried', (count) => {
    const keys = Array.from({ length: count }, (_, i) => keyNamed(`${i}`));
    const matching = new MatchingKeys(keys);
    for (const key of [...keys, ...keys.toReversed()]) expect(present(matching, key)).toBeDefined();
  });

  test.each([3, 4, 10, 101])(
    'of %i keys, two are tried for one token, and every key is tried in time',
    (count) => {
      for (let signing = 0; signing < count; signing += 1) {
        const keys = Array.from({ length: count }, (_, i) => keyNamed(`${i}`));
        const matching = new MatchingKeys(keys);
        let attempts = 1;
        while (present(matching, keys[signing]) === undefined) {
          expect(matching.candidates()).toHaveLength(MAX_SIGNATURES_PER_TOKEN);
          attempts += 1;
        }
        expect(attempts).toBeLessThanOrEqual(Math.ceil(count / MAX_SIGNATURES_PER_TOKEN));
        expect(present(matching, keys[signing])).toBe(1);
      }
    },
  );

  test('of two keys, the one that verified a token is tried first', () => {
    const keys = [keyNamed('0'), keyNamed('1')];
    const matching = new MatchingKeys(keys);
    for (const key of keys.toReversed()) {
      expect(present(matching, key)).toBe(2);
      expect(present(matching, key)).toBe(1);
    }
  });

  test('the key that verified a token stays the first, also after forged tokens', () => {
    const keys = Array.from({ length: 5 }, (_, i) => keyNamed(`${i}`));
    const matching = new MatchingKeys(keys);
    while (present(matching, keys[4]) === undefined);
    for (let i = 0; i < 20; i += 1) {
      expect(present(matching, undefined)).toBeUndefined();
      expect(present(matching, keys[4])).toBe(1);
    }
  });

  test('when the issuer changes to another key, that is found within a few tokens', () => {
    const keys = Array.from({ length: 5 }, (_, i) => keyNamed(`${i}`));
    for (const next of keys.slice(1)) {
      const matching = new MatchingKeys(keys);
      expect(present(matching, keys[0])).toBe(1);
      let attempts = 1;
      while (present(matching, next) === undefined) attempts += 1;
      expect(attempts).toBeLessThanOrEqual(keys.length - 1);
      expect(present(matching, next)).toBe(1);
    }
  });

  test('no key is lost or repeated', () => {
    const keys = Array.from({ length: 4 }, (_, i) => keyNamed(`${i}`));
    const matching = new MatchingKeys(keys);
    const seen = new Set<SignatureKey>();
    for (let i = 0; i < 12; i += 1) {
      for (const key of matching.candidates()) seen.add(key);
      present(matching, i % 3 === 0 ? keys[i % 4] : undefined);
      expect(matching.size).toBe(4);
      expect(new Set(matching.candidates()).size).toBe(2);
    }
    expect(seen.size).toBe(4);
  });
});
