import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DpopError } from '../errors/dpop.error.js';
import { parseCompactProof } from './compact-proof.js';

describe('the compact form of a proof (C2)', () => {
  test('is three segments, of which the first two are signed', () => {
    expect(parseCompactProof('ab-_.cdef.gh3')).toEqual({
      header: 'ab-_',
      payload: 'cdef',
      signature: 'gh3',
      signingInput: 'ab-_.cdef',
    });
  });

  test.each([
    ['nothing', ''],
    ['one segment', 'abcd'],
    ['two segments', 'abcd.abcd'],
    ['four segments', 'abcd.abcd.abcd.abcd'],
    ['five segments, a JWE', 'abcd.abcd.abcd.abcd.abcd'],
    ['an empty header', '.abcd.abcd'],
    ['an empty payload', 'abcd..abcd'],
    ['an empty signature', 'abcd.abcd.'],
    ['padding', 'abc=.abcd.abcd'],
    ['plain base64', 'ab+/.abcd.abcd'],
    ['white space', 'abcd.abcd.abcd '],
    ['a line feed at the end', 'abcd.abcd.abcd\n'],
    ['a line feed within', 'ab\ncd.abcd.abcd'],
    ['two proofs joined by Node', 'abcd.abcd.abcd, abcd.abcd.abcd'],
    ['letters beyond ASCII', 'äbcd.abcd.abcd'],
    ['a header that decodes to nothing whole', 'abcde.abcd.abcd'],
    ['a payload that decodes to nothing whole', 'abcd.a.abcd'],
    ['a signature that decodes to nothing whole', 'abcd.abcd.abcde'],
  ])('is not %s', (_what, proof) => {
    expect(() => parseCompactProof(proof)).toThrow(new DpopError('proof_malformed'));
  });

  test('is what it says, or refused, whatever the text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom('a', 'Zz', '-_', '.', '=', ' ')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (proof) => {
        try {
          const { header, payload, signature, signingInput } = parseCompactProof(proof);
          expect(`${signingInput}.${signature}`).toBe(proof);
          expect(`${header}.${payload}`).toBe(signingInput);
        } catch (error) {
          expect(error).toBeInstanceOf(DpopError);
        }
      }),
    );
  });
});
