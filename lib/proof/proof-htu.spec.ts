import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DpopError } from '../errors/dpop.error.js';
import { normalizeHttpUri } from '../http/http-uri.js';
import { assertHtu } from './proof-htu.js';

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

describe('htu (C9)', () => {
  const check = (htu: string, path = '/v1/a', baseUrls = ['https://api.example.com']) =>
    reasonOf(() => assertHtu(htu, baseUrls, path, 'reject'));

  test.each([
    ['https://api.example.com/v1/a', '/v1/a'],
    ['HTTPS://API.example.com:443/v1/%61', '/v1/a'],
    ['https://api.example.com/v1/a', '/v1/%61'],
    ['https://api.example.com/v1/a', '/v1/x/../a'],
    ['https://api.example.com/v1/a%2fb', '/v1/a%2Fb'],
    ['https://api.example.com', '/'],
    ['https://api.example.com//evil.example/a', '//evil.example/a'],
  ])('%s is that of a request for %s', (htu, path) => {
    expect(check(htu, path)).toBeUndefined();
  });

  test.each([
    ['https://api.example.com/v1/a/', '/v1/a'],
    ['https://api.example.com/v1/A', '/v1/a'],
    ['https://api.example.com/v1/a/b', '/v1/a%2Fb'],
    ['https://evil.example/v1/a', '/v1/a'],
    ['http://api.example.com/v1/a', '/v1/a'],
    ['https://api.example.com:8443/v1/a', '/v1/a'],
    ['https://evil.example/a', '//evil.example/a'],
    ['https://api.example.com.evil.example/v1/a', '/v1/a'],
    ['/v1/a', '/v1/a'],
    ['https://user@api.example.com/v1/a', '/v1/a'],
    ['https://api.example.com/v1/%', '/v1/%'],
    ['https://api.example.com/v1/a', '/v1/%'],
    ['https://api.example.com/v1\\a', '/v1\\a'],
  ])('%s is not that of a request for %s', (htu, path) => {
    expect(check(htu, path)).toBe('proof_htu');
  });

  test('is for any of the origins, and for the prefix in front of the path', () => {
    const baseUrls = ['https://a.example', 'https://b.example/prefix'];
    expect(check('https://b.example/prefix/v1/a', '/v1/a', baseUrls)).toBeUndefined();
    expect(check('https://b.example/v1/a', '/v1/a', baseUrls)).toBe('proof_htu');
    expect(check('https://a.example/v1/a', '/v1/a', [])).toBe('proof_htu');
  });

  test('tells which of the origins the client signed, in normal form (J2)', () => {
    const baseUrls = ['https://a.example', 'https://b.example/prefix'];
    for (const htu of ['https://b.example/prefix/a', 'HTTPS://B.example:443/prefix/%61?x=1'])
      expect(assertHtu(htu, baseUrls, '/a', 'ignore')).toBe('https://b.example/prefix');
    expect(assertHtu('https://a.example/a', baseUrls, '/a', 'ignore')).toBe('https://a.example');
  });

  test.each(['?x=1', '?', '#x', '?x#y'])(
    'a query or fragment is ignored, or refused by option: %s',
    (rest) => {
      const htu = `https://api.example.com/v1/a${rest}`;
      const baseUrls = ['https://api.example.com'];
      expect(reasonOf(() => assertHtu(htu, baseUrls, '/v1/a', 'ignore'))).toBeUndefined();
      expect(refusalOf(() => assertHtu(htu, baseUrls, '/v1/a', 'reject'))).toEqual([
        'proof_htu_query',
        { detail: 'htu' },
      ]);
      expect(reasonOf(() => assertHtu(htu, baseUrls, '/v1/b', 'ignore'))).toBe('proof_htu');
    },
  );

  test.each(['wss://api.example.com/v1/a', 'ws://api.example.com/v1/a', 'text'])(
    'tells the operator of %s that only http and https are schemes of it (J1, D9)',
    (htu) => {
      expect(refusalOf(() => assertHtu(htu, ['https://api.example.com'], '/v1/a', 'ignore'))).toMatchObject([
        'proof_htu',
        { detail: 'htu', advice: expect.stringContaining('https in place of wss') },
      ]);
    },
  );

  test('tells the operator what a proof could have been signed for, and nothing of the request (D9)', () => {
    const baseUrls = ['https://api.example.com', 'https://edge.example.com/v1'];
    for (const [htu, detail] of [
      ['https://other.example.com/secret', 'origin'],
      ['http://api.example.com/secret', 'origin'],
      ['https://api.example.com.evil.example/secret', 'origin'],
      ['https://edge.example.com/v1x/secret', 'origin'],
      ['https://api.example.com/other', 'path'],
      ['https://api.example.com', 'path'],
      ['https://edge.example.com/v1', 'path'],
      ['nonsense', 'htu'],
    ] as const) {
      let error: unknown;
      try {
        assertHtu(htu, baseUrls, '/secret', 'ignore');
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ details: { detail, expected: baseUrls } });
    }
  });

  test('a pair of equal strings is judged as by the long way', () => {
    const part = fc.constantFrom(
      '/',
      '//',
      'a',
      'B',
      '.',
      '..',
      '%61',
      '%2e',
      '%2F',
      '%',
      '\\',
      '@',
      ':',
      '?',
      '#',
      ' ',
      'é',
    );
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    const origin = fc.constantFrom('https://a.example', 'https://a.example/b', 'https://[::1]:8443');
    fc.assert(
      fc.property(origin, text, fc.option(text, { nil: undefined }), (baseUrl, rest, other) => {
        const path = `/${rest}`.replace(/[?#].*$/s, '');
        const htu = baseUrl + (other === undefined ? path : `/${other}`);
        const signed = normalizeHttpUri(htu);
        const requested = normalizeHttpUri(baseUrl + path);
        const long = signed !== undefined && signed.uri === requested?.uri;
        expect(reasonOf(() => assertHtu(htu, [baseUrl], path, 'ignore')) === undefined).toBe(long);
      }),
      { numRuns: 500 },
    );
  });
});
