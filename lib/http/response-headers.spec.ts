import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dpopResponseHeaders, mergeFieldNames } from './response-headers.js';

const ADDED = 'DPoP-Nonce, WWW-Authenticate';

describe('names exposed to browsers (D7)', () => {
  test.each([
    [undefined, ADDED],
    ['', ADDED],
    [[], ADDED],
    ['X-Total', `X-Total, ${ADDED}`],
    ['X-Total,X-Page', `X-Total, X-Page, ${ADDED}`],
    [['X-Total', 'X-Page'], `X-Total, X-Page, ${ADDED}`],
    ['*', `*, ${ADDED}`],
    ['dpop-nonce', 'dpop-nonce, WWW-Authenticate'],
    ['www-authenticate, X-Total', 'X-Total, DPoP-Nonce, www-authenticate'],
    [' , X-Total,, ', `X-Total, ${ADDED}`],
    [7, ADDED],
  ])('beside %j are %s', (present, merged) => {
    expect(mergeFieldNames(present, ADDED)).toBe(merged);
  });

  test('lose none that was there, name none twice, and do not grow when written again', () => {
    const name = fc.constantFrom('X-A', 'x-a', 'X-B', 'DPoP-Nonce', 'dpop-nonce', 'ETag');
    fc.assert(
      fc.property(fc.array(name), fc.boolean(), (names, asList) => {
        const merged = mergeFieldNames(asList ? names : names.join(','), ADDED);
        const lower = merged.split(', ').map((item) => item.toLowerCase());
        expect(new Set(lower)).toEqual(
          new Set([...names.map((item) => item.toLowerCase()), 'dpop-nonce', 'www-authenticate']),
        );
        expect(lower).toHaveLength(new Set(lower).size);
        expect(mergeFieldNames(merged, ADDED)).toBe(merged);
      }),
    );
  });
});

describe('headers (D7, D8)', () => {
  const names = (parts: Parameters<typeof dpopResponseHeaders>[0]) =>
    dpopResponseHeaders(parts).map(({ name, value }) => `${name}: ${value}`);
  const always = ['Cache-Control: no-store', `Access-Control-Expose-Headers: ${ADDED}`];

  test('are those of what there is to say, never to be stored', () => {
    expect(names({})).toEqual(always);
    expect(names({ nonce: 'n' })).toEqual(['DPoP-Nonce: n', ...always]);
    expect(names({ challenge: 'DPoP', nonce: 'n' })).toEqual([
      'WWW-Authenticate: DPoP',
      'DPoP-Nonce: n',
      ...always,
    ]);
    expect(names({ retryAfterSeconds: 0 })).toEqual(['Retry-After: 0', ...always]);
  });

  test('leave only the exposed names of the app beside theirs', () => {
    const merged = dpopResponseHeaders({ challenge: 'DPoP', nonce: 'n', retryAfterSeconds: 1 }).filter(
      ({ merge }) => merge,
    );
    expect(merged.map(({ name }) => name)).toEqual(['Access-Control-Expose-Headers']);
  });
});
