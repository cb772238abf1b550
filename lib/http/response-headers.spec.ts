import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dpopResponseHeaders, mergeField, mergeFieldNames } from './response-headers.js';

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
    expect(names({ hasTicket: true })).toEqual([
      'Cache-Control: no-store',
      'Referrer-Policy: no-referrer',
      `Access-Control-Expose-Headers: ${ADDED}`,
    ]);
    expect(names({ retryAfterSeconds: 0 })).toEqual(['Retry-After: 0', ...always]);
  });

  test('leave the exposed names of the app beside theirs, and more than no-store for caches', () => {
    const merged = dpopResponseHeaders({ challenge: 'DPoP', nonce: 'n', retryAfterSeconds: 1 }).filter(
      ({ merge }) => merge,
    );
    expect(merged.map(({ name }) => name)).toEqual(['Cache-Control', 'Access-Control-Expose-Headers']);
    const [cacheControl] = merged;
    const merge = (present: unknown) => cacheControl && mergeField(cacheControl, () => present);
    expect([undefined, 'public, max-age=60', 'no-cache', ['no-store']].map(merge)).toEqual(
      Array<string>(4).fill('no-store'),
    );
    expect(merge('private, No-Store , no-transform')).toBe('private, No-Store , no-transform');
  });
});

describe('a challenge beside others (D7)', () => {
  const added = 'DPoP error="invalid_token", algs="ES256, ES384, ES384"';

  test.each<[string, unknown, string]>([
    ['none', undefined, added],
    ['an empty one', '', added],
    ['what is no text', 1, added],
    ['that of another scheme', 'Basic realm="a, a"', `Basic realm="a, a", ${added}`],
    ['several', ['Basic', 'Negotiate'], `Basic, Negotiate, ${added}`],
    ['an older one of DPoP', 'DPoP algs="ES256"', added],
    ['an older one among others', ['Basic', 'dpop algs="ES256"'], added],
    ['an older one behind another', 'Basic realm="a", DPoP', added],
    ['a scheme whose name begins alike', 'DPoPlus', `DPoPlus, ${added}`],
    ['a scheme whose name ends alike', 'XDPoP', `XDPoP, ${added}`],
  ])('stands with %s', (_what, present, merged) => {
    const header = { name: 'WWW-Authenticate', value: added, merge: true };
    expect(mergeField(header, () => present)).toBe(merged);
    expect(mergeField({ ...header, merge: false }, () => present)).toBe(added);
  });
});
