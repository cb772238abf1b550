import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { dpopResponseHeaders, mergeField, mergeFieldNames, toRecord } from './response-headers.js';

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

describe('headers for a transport that writes them by itself (J1)', () => {
  test('are a record of names and values', () => {
    expect(toRecord(dpopResponseHeaders({ nonce: 'n', retryAfterSeconds: 1 }))).toEqual({
      'DPoP-Nonce': 'n',
      'Retry-After': '1',
      'Cache-Control': 'no-store',
      'Access-Control-Expose-Headers': 'DPoP-Nonce, WWW-Authenticate',
    });
    expect(toRecord([])).toEqual({});
  });
});

describe('a header that is there already (D3, D7)', () => {
  const merged = (name: string, value: string, present: unknown, merge = true): string =>
    mergeField({ name, value, merge }, () => present);

  test('keeps its other directives beside no-store, in whatever way they are separated', () => {
    for (const present of ['no-store, no-transform', 'no-transform,No-Store', 'private , no-store'])
      expect(merged('Cache-Control', 'no-store', present)).toBe(present);
    for (const present of ['public', 'no-store-at-all', undefined, ['no-store'], 7])
      expect(merged('Cache-Control', 'no-store', present)).toBe('no-store');
  });

  test('is merged by its name, and replaced where that is wanted', () => {
    expect(merged('WWW-Authenticate', 'DPoP', 'Basic')).toBe('Basic, DPoP');
    expect(merged('Access-Control-Expose-Headers', 'DPoP-Nonce', 'X')).toBe('X, DPoP-Nonce');
    expect(merged('WWW-Authenticate', 'DPoP', 'Basic', false)).toBe('DPoP');
  });

  test('is a challenge of its own beside others only if no nonce is asked for', () => {
    const [alone] = dpopResponseHeaders({ challenge: 'DPoP', nonce: 'n' });
    const [beside] = dpopResponseHeaders({ challenge: 'DPoP' });
    expect([alone?.merge, beside?.merge]).toEqual([false, true]);
  });
});
