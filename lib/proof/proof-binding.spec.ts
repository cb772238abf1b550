import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { DpopError } from '../errors/dpop.error.js';
import { assertAth, assertKeyBinding, assertNoAth } from './proof-binding.js';

function reasonOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? error.reason : String(error);
  }
}

function refusalOf(check: () => unknown): unknown {
  try {
    return check();
  } catch (error) {
    return error instanceof DpopError ? [error.reason, error.details] : error;
  }
}

describe('ath (C12)', () => {
  const expected = hash('sha256', 'token', 'base64url');

  test('is the hash of the token, and nothing else', () => {
    expect(reasonOf(() => assertAth(expected, expected))).toBeUndefined();
    expect(refusalOf(() => assertAth(undefined, expected))).toEqual([
      'proof_claims',
      { detail: 'ath', expected: ['a string, base64url(SHA-256(access token))'] },
    ]);
    const others = [
      `${expected}=`,
      expected.slice(0, -1),
      expected.toUpperCase(),
      hash('sha256', 'other', 'base64url'),
      'é'.repeat(43),
    ];
    for (const ath of others) expect(reasonOf(() => assertAth(ath, expected))).toBe('proof_ath');
  });

  test('characters beyond ASCII are not taken for those with the same lowest octet', () => {
    const alias = String.fromCharCode(...[...expected].map((character) => character.charCodeAt(0) + 0x100));
    expect(reasonOf(() => assertAth(alias, expected))).toBe('proof_ath');
  });
});

describe('the key that a token is bound to (B3)', () => {
  test('is that of the proof', () => {
    expect(refusalOf(() => assertKeyBinding('a', 'a'))).toBeUndefined();
    expect(refusalOf(() => assertKeyBinding('a', 'b'))).toEqual(['key_binding', {}]);
  });
});

describe('a proof that was made for a protected resource (G)', () => {
  test('is not good without its access token', () => {
    expect(refusalOf(() => assertNoAth(undefined))).toBeUndefined();
    for (const ath of ['', 'hash'])
      expect(refusalOf(() => assertNoAth(ath))).toEqual(['proof_ath_unexpected', { detail: 'ath' }]);
  });
});
