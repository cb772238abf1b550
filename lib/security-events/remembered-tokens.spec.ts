import { describe, expect, test } from '@jest/globals';
import { RememberedTokens } from './remembered-tokens.js';

const A = 'https://a.test';

describe('the tokens that were applied (B9)', () => {
  test('are told apart by issuer, jti and content', () => {
    const tokens = new RememberedTokens();
    expect(tokens.compare(A, 'x', '1')).toBeUndefined();
    tokens.remember(A, 'x', '1');
    expect(tokens.compare(A, 'x', '1')).toBe('same');
    expect(tokens.compare(A, 'x', '2')).toBe('other');
    expect(tokens.compare(A, 'y', '1')).toBeUndefined();
    expect(tokens.compare('https://b.test', 'x', '1')).toBeUndefined();
    expect(tokens.compare(`${A}","x`, '', '1')).toBeUndefined();
    tokens.remember(A, 'x', '2');
    expect([tokens.compare(A, 'x', '1'), tokens.compare(A, 'x', '2')]).toEqual(['other', 'same']);
  });

  test('are as many as memory is set apart for, however long they are', () => {
    const tokens = new RememberedTokens(2);
    const long = 'x'.repeat(100_000);
    for (const jti of [long, 'b', 'c']) tokens.remember(A, jti, long);
    expect([long, 'b', 'c'].map((jti) => tokens.compare(A, jti, long))).toEqual([undefined, 'same', 'same']);
  });

  test('are 10,000 by default', () => {
    const tokens = new RememberedTokens();
    for (let nth = 0; nth <= 10_000; nth += 1) tokens.remember(A, `${nth}`, '');
    expect(tokens.compare(A, '0', '')).toBeUndefined();
    expect(tokens.compare(A, '1', '')).toBe('same');
  });
});
