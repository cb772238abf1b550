import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isPlainAuthority, normalizeHttpUri } from './http-uri.js';

describe('the normal form of an htu (C9)', () => {
  test.each([
    ['stays as it is', 'https://api.example.com/accounts/1', 'https://api.example.com/accounts/1'],
    [
      'has scheme and host in lower case',
      'HTTPS://API.Example.COM/Accounts',
      'https://api.example.com/Accounts',
    ],
    ['has no default port of https', 'https://api.example.com:443/a', 'https://api.example.com/a'],
    ['has no default port of http', 'http://localhost:80/a', 'http://localhost/a'],
    ['has no empty port', 'https://api.example.com:/a', 'https://api.example.com/a'],
    ['has no zeros before a port', 'https://api.example.com:00443/a', 'https://api.example.com/a'],
    ['keeps another port', 'https://api.example.com:8443/a', 'https://api.example.com:8443/a'],
    ['keeps the greatest port', 'https://a.example:65535/a', 'https://a.example:65535/a'],
    [
      'keeps the greatest port with zeros before it',
      'https://a.example:065535/a',
      'https://a.example:65535/a',
    ],
    ['keeps the default port of the other scheme', 'http://localhost:443/a', 'http://localhost:443/a'],
    ['has a path', 'https://api.example.com', 'https://api.example.com/'],
    ['has a path before a query', 'https://api.example.com?a', 'https://api.example.com/'],
    ['keeps a slash at the end', 'https://api.example.com/a/', 'https://api.example.com/a/'],
    ['keeps empty segments', 'https://api.example.com//a//b', 'https://api.example.com//a//b'],
    ['decodes unreserved characters', 'https://a.example/%61%2D%5f%7E%2e%31', 'https://a.example/a-_~.1'],
    ['has escapes in upper case', 'https://a.example/%c3%a9%2f', 'https://a.example/%C3%A9%2F'],
    ['keeps reserved escapes', 'https://a.example/a%2Fb%3Fc%23d%25', 'https://a.example/a%2Fb%3Fc%23d%25'],
    ['decodes once', 'https://a.example/%2561', 'https://a.example/%2561'],
    ['has no dot segments', 'https://a.example/a/./b/../c', 'https://a.example/a/c'],
    ['has no escaped dot segments', 'https://a.example/a/%2E%2e/b/%2e', 'https://a.example/b/'],
    ['stays below the root', 'https://a.example/../../a', 'https://a.example/a'],
    ['keeps a slash for a dot segment at the end', 'https://a.example/a/b/..', 'https://a.example/a/'],
    [
      'keeps what only begins with a dot',
      'https://a.example/.well-known/..a/...',
      'https://a.example/.well-known/..a/...',
    ],
    ['removes an empty segment by a dot segment', 'https://a.example/a//../b', 'https://a.example/a/b'],
    ['keeps an IPv6 host', 'https://[2001:DB8::1]:443/a', 'https://[2001:db8::1]/a'],
    ['keeps sub-delims', "https://a.example/a;b=1,2!$&'()*+", "https://a.example/a;b=1,2!$&'()*+"],
  ])('%s: %s', (_law, value, uri) => {
    expect(normalizeHttpUri(value)?.uri).toBe(uri);
  });

  test.each([
    ['https://a.example/b?c', true],
    ['https://a.example/b?', true],
    ['https://a.example/b#c', true],
    ['https://a.example#', true],
    ['https://a.example/b', false],
  ])('tells of a query or fragment: %s', (value, hasQuery) => {
    expect(normalizeHttpUri(value)?.hasQuery).toBe(hasQuery);
  });

  test.each([
    ['userinfo', 'https://user@a.example/'],
    ['a password', 'https://user:secret@a.example/'],
    ['an empty userinfo', 'https://@a.example/'],
    ['a relative reference', '/accounts'],
    ['a network-path reference', '//a.example/accounts'],
    ['another scheme', 'wss://a.example/'],
    ['a scheme alone', 'https:'],
    ['no host', 'https:///a'],
    ['a port alone', 'https://:443/a'],
    ['one slash', 'https:/a.example/'],
    ['no slash', 'https:a.example/'],
    ['backslashes', 'https:\\\\a.example\\b'],
    ['a backslash in the path', 'https://a.example/b\\c'],
    ['white space before', ' https://a.example/'],
    ['white space behind', 'https://a.example/ '],
    ['white space within', 'https://a.example/b c'],
    ['a tab within', 'https://a.exa\tmple/'],
    ['a line feed at the end', 'https://a.example/\n'],
    ['a control character', 'https://a.example/\0'],
    ['a letter beyond ASCII', 'https://a.example/é'],
    ['a host beyond ASCII', 'https://ä.example/'],
    ['a port beyond the range', 'https://a.example:65536/'],
    ['a port far beyond the range', 'https://a.example:443443443443443443443/'],
    ['a port that is no number', 'https://a.example:4x3/'],
    ['a percent sign that starts no escape', 'https://a.example/%zz'],
    ['a percent sign at the end', 'https://a.example/%'],
    ['an escape made of another', 'https://a.example/%%34%31'],
    ['nothing', ''],
  ])('does not exist for %s', (_what, value) => {
    expect(normalizeHttpUri(value)).toBeUndefined();
  });

  const anything = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true, validSchemes: ['http', 'https'] }),
    fc
      .tuple(
        fc.constantFrom(
          'https://a.example',
          'HTTP://A.example:80',
          'https://[::1]:443',
          'https://a%41.example',
        ),
        fc.array(
          fc.constantFrom('/', '.', '..', 'a', 'B', '%2e', '%2E', '%2f', '%61', '%', '25', ';', '?', '#'),
        ),
      )
      .map(([origin, parts]) => origin + parts.join('')),
  );

  test('is its own normal form', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const normal = normalizeHttpUri(value);
        if (normal === undefined) return;
        expect(normalizeHttpUri(normal.uri)).toEqual({ uri: normal.uri, hasQuery: false });
      }),
      { numRuns: 300 },
    );
  });

  test('agrees with WHATWG URL where that repairs nothing', () => {
    const segment = fc.array(fc.constantFrom('a', 'B', '7', '-', '_', '~', ';', '=', '%2F', '%C3'), {
      minLength: 1,
    });
    const path = fc.array(
      fc.oneof(
        segment.map((parts) => parts.join('')),
        fc.constantFrom('.', '..', ''),
      ),
    );
    const host = fc.constantFrom('api.example.com', 'API.Example.com', '127.0.0.1', '[::1]');
    const port = fc.constantFrom('', ':80', ':443', ':8443');
    fc.assert(
      fc.property(
        fc.constantFrom('http', 'HTTPS'),
        host,
        port,
        path,
        fc.constantFrom('', '?q', '#f'),
        (...parts) => {
          const [scheme, authority, portPart, segments, rest] = parts;
          const value = `${scheme}://${authority}${portPart}/${segments.join('/')}${rest}`;
          const { origin, pathname } = new URL(value);
          expect(normalizeHttpUri(value)?.uri).toBe(origin + pathname);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('whatever the text, ends in a normal form or in none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), anything), (value) => {
        expect(() => normalizeHttpUri(value)).not.toThrow();
      }),
    );
  });
});

describe('a plain authority (C9o)', () => {
  test.each([
    'a.example',
    'A.example:8443',
    '127.0.0.1:3000',
    '[::1]',
    '[::1]:3000',
    'localhost',
    'a:65535',
    '[::1]:65535',
  ])('is %s', (value) => {
    expect(isPlainAuthority(value)).toBe(true);
  });

  test.each([
    'a/b',
    'a?b',
    'a#b',
    'a@b',
    'user:x@b',
    'a b',
    'a\\b',
    '',
    ':80',
    'a:65536',
    'a:b',
    '[::1',
    'a%zz',
    'ä.example',
  ])('is not %s', (value) => {
    expect(isPlainAuthority(value)).toBe(false);
  });
});
