import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { isSupportedAlgorithm, JWS_ALGORITHMS } from './algorithms.js';

/** Asked in another way than the library asks. */
function canMakeKeys(type: string): boolean {
  try {
    generateKeyPairSync(type as 'ed25519');
    return true;
  } catch {
    return false;
  }
}

describe('the algorithms that this Node can verify (C5)', () => {
  test.each([...JWS_ALGORITHMS.keys()].filter((name) => name.startsWith('ML-DSA')))(
    '%s, if Node knows keys of its kind',
    (name) => {
      expect(isSupportedAlgorithm(name)).toBe(canMakeKeys(name.toLowerCase()));
    },
  );

  test('all that are older', () => {
    const older = [...JWS_ALGORITHMS.keys()].filter((name) => !name.startsWith('ML-DSA'));
    expect(older).toHaveLength(11);
    expect(older.filter((name) => !isSupportedAlgorithm(name))).toEqual([]);
  });

  test.each(['none', 'HS256', 'es256', ''])('not %j', (name) => {
    expect(isSupportedAlgorithm(name)).toBe(false);
  });
});
