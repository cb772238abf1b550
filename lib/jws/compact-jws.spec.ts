import { describe, expect, test } from '@jest/globals';
import { detachSegment, parseCompactJws } from './compact-jws.js';

describe('a JWS in compact form (C2)', () => {
  test('has three segments, of which the first two are signed', () => {
    expect(parseCompactJws('ab.-_.yz')).toEqual({
      header: 'ab',
      payload: '-_',
      signature: 'yz',
      signingInput: 'ab.-_',
    });
  });

  test.each([
    '',
    'ab',
    'ab.cd',
    'ab.cd.ef.gh',
    '.cd.ef',
    'ab..ef',
    'ab.cd.',
    'ab.cd.ef.',
    'a.cd.ef',
    'ab.c.ef',
  ])('is none of %j', (text) => {
    expect(parseCompactJws(text)).toBeUndefined();
  });

  test.each([
    'ab.cd.e',
    'ab.cd.efghi',
    'ab.cd.e=',
    'ab.cd.e+',
    'ab.c/.ef',
    'ab.cd.ef\n',
    ' ab.cd.ef',
    'ab.cé.ef',
  ])('is none of %j, either', (text) => {
    expect(parseCompactJws(text)).toBeUndefined();
  });

  test('lends its segments as equal copies', () => {
    expect(detachSegment('Ab-_09')).toBe('Ab-_09');
  });
});
