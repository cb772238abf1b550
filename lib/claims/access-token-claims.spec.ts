import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { freezeClaims } from './access-token-claims.js';

describe('frozen claims', () => {
  test('are the same value, and nothing in them can be changed', () => {
    const isFrozenThrough = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozenThrough));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const before = structuredClone(value);
        const frozen = freezeClaims(value);
        expect(frozen).toBe(value);
        expect(frozen).toEqual(before);
        expect(isFrozenThrough(frozen)).toBe(true);
      }),
    );
  });
});
