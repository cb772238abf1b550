import { describe, expect, test } from '@jest/globals';
import { parseRevocation } from './revocation-option.js';

const FORM =
  'revocation must be a RevocationChecker, such as new MemoryDenyList({ … }) or the RedisDenyList of nestjs-dpop/redis';
const method = (): boolean => false;

describe('the option revocation (B9, I4)', () => {
  test('may be left out', () => {
    expect(parseRevocation(undefined)).toBeUndefined();
  });

  test.each([
    { isRevoked: method },
    { isRevoked: method, open: method, close: method, ping: method, deadlineMs: 1 },
    { isRevoked: method, open: undefined, deadlineMs: 60_000 },
  ])('is a checker: %o', (checker) => {
    expect(parseRevocation(checker as never)).toBe(checker);
  });

  test.each<[unknown, string]>([
    [null, `${FORM}; it is null`],
    [method, `${FORM}; it is a function`],
    [{}, `${FORM}; this one lacks the method isRevoked`],
    [{ isRevoked: true }, `${FORM}; this one lacks the method isRevoked`],
    [{ isRevoked: method, open: 1 }, `${FORM}; this one lacks the method open`],
    [{ open: 1, close: 1, ping: 1 }, `${FORM}; this one lacks the method isRevoked, open, close, ping`],
    [
      { isRevoked: method, deadlineMs: 0 },
      'revocation.deadlineMs must be an integer from 1 to 60000; it is 0',
    ],
    [
      { isRevoked: method, deadlineMs: 60_001 },
      'revocation.deadlineMs must be an integer from 1 to 60000; it is 60001',
    ],
  ])('is refused as %o', (checker, message) => {
    expect(() => parseRevocation(checker as never)).toThrow(new TypeError(message));
  });
});
