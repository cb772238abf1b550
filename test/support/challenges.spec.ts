import { expect, test } from '@jest/globals';
import { parseChallenges } from './challenges.js';

test.each([
  ['DPoP', [{ scheme: 'DPoP', parameters: {} }]],
  [
    'Bearer, DPoP algs="ES256 PS256"',
    [
      { scheme: 'Bearer', parameters: {} },
      { scheme: 'DPoP', parameters: { algs: 'ES256 PS256' } },
    ],
  ],
  [
    'Bearer error="a\\"b", error_description="x, y", DPoP algs="ES256", Error=q',
    [
      { scheme: 'Bearer', parameters: { error: 'a"b', error_description: 'x, y' } },
      { scheme: 'DPoP', parameters: { algs: 'ES256', error: 'q' } },
    ],
  ],
])('challenges are read: %s', (value, challenges) => {
  expect(parseChallenges(value)).toEqual(challenges);
});

test.each(['', 'DPoP a="b', 'a="b"', 'DPoP a="1", a="2"', 'DPoP,', 'DPoP a="b" c="d"', 'DPoP a=', '"DPoP"'])(
  'what is no list of challenges is refused: %s',
  (value) => {
    expect(() => parseChallenges(value)).toThrow(SyntaxError);
  },
);
