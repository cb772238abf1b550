import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { claimId } from './claim-id.js';

const JKT = hash('sha256', 'a key', 'base64url');
const OTHER = hash('sha256', 'another key', 'base64url');

describe('the id of a claim (F2)', () => {
  test('is SHA-256 of key, zero and jti', () => {
    expect(claimId(JKT, 'a jti')).toBe(hash('sha256', `${JKT}\0a jti`, 'base64url'));
  });

  test.each([
    ['a high half and another', '\ud800', '\ud801'],
    ['a high and a low half', '\ud800', '\udc00'],
    ['a half and the replacement character', '\udfff', '\ufffd'],
    ['a half among others', 'a\ud800b', 'a\udbffb'],
    ['halves in the wrong order', '\udc00\ud800', '\udc01\ud800'],
    ['a half and its escaped form', '\ud800', String.raw`\ud800`],
    ['a half and its JSON form', '\ud800', '"\\ud800"'],
    ['a half and its JSON form behind another separator', '\ud800', '\u0001"\\ud800"'],
  ])('tells apart %s', (_name, one, other) => {
    expect(claimId(JKT, one)).not.toBe(claimId(JKT, other));
  });

  test('two jtis never share one, whatever code units they hold; nor do two keys', () => {
    const text = fc.string({
      unit: fc.integer({ min: 0xd7fe, max: 0xe001 }).map((unit) => String.fromCharCode(unit)),
    });
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(claimId(JKT, one) === claimId(JKT, other)).toBe(one === other);
        expect(claimId(JKT, one)).not.toBe(claimId(OTHER, other));
      }),
    );
  });
});
