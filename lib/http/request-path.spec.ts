import { describe, expect, test } from '@jest/globals';
import { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from './dpop-request.js';
import { assertRoutedAsCompared, parseRequestPath } from './request-path.js';

describe('the path of a request target (C9)', () => {
  test.each([
    ['/', '/'],
    ['/a/b?c=d', '/a/b'],
    ['/a?b?c', '/a'],
    ['/?', '/'],
    ['/a?../b', '/a'],
    ['/.well-known/..a/.../a./b..', '/.well-known/..a/.../a./b..'],
    ['/a%2e%2e/%2e%2e%2e/%2ea', '/a%2e%2e/%2e%2e%2e/%2ea'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a..;b/c', '/a..;b/c'],
    ['//evil.example/a', '//evil.example/a'],
    ['///a', '///a'],
    ['/https://evil.example/a', '/https://evil.example/a'],
    ['/\\evil.example', '/\\evil.example'],
    ['http://evil.example/a?b', '/a'],
    ['https://evil.example:8443/a/b', '/a/b'],
    ['https://evil.example', '/'],
    ['http://[::1]:80/a', '/a'],
    ['http://my_service:8080/a', '/a'],
    ['http://evil.example//other.example/a', '//other.example/a'],
  ])('of %s is %s', (target, path) => {
    expect(parseRequestPath(target)).toBe(path);
  });

  test.each([
    '',
    '*',
    'a',
    '?a',
    '#',
    'a.example:443',
    'http:/a',
    'http:///a',
    'http://',
    'http://a?b/c',
    'http://a#b/c',
    'http://a\\b/c',
    'http://user@a/b',
    'http://a%2fb/c',
    'ftp://a/b',
    'xhttp://a/b',
    'javascript:alert(1)',
    ' /a',
    // Dot segments in every spelling
    '/..',
    '/.',
    '/../a',
    '/./a',
    '/a/../b',
    '/a/..',
    '/a/.?b',
    '/%2e%2e/a',
    '/%2E./a',
    '/.%2e',
    '/a/%2e/b',
    '/a/..;b/c',
    '/a/.;',
    '/a;/../b',
    '//../a',
    'http://a.example/../b',
    'http://a.example/a/%2e%2E',
    // What `url.parse` reads in a way of its own
    '/a#b',
    '/a?b#c',
    '//x@y/admin#',
    '/a?b\t',
    '/a?\xa0',
    '/\x7f',
    '/é',
    'http://a.example/b#c',
    'http://a:b/c',
    'http://a:b:1/c',
    'http://a:/c',
    'http://a:123456/c',
    'http://a~b/c',
    "http://a.example/it's",
    'http://a.example/a|b',
    'http://a.example/a\\b',
    'http://a.example/{a}',
    'http://[::1/a',
    'http://[a]b/c',
    'http://a;b/c',
    'HTTP://a.example/b',
  ])('of %j is none', (target) => {
    expect(() => parseRequestPath(target)).toThrow(new DpopError('target_unusable'));
  });
});

describe('a path and its normal form are routed alike (C9)', () => {
  const REQUEST: DpopRequest = { method: 'GET', target: '/', rawHeaders: [] };
  const assertRouted = (path: string, areRoutedAlike?: DpopRequest['areRoutedAlike']) =>
    assertRoutedAsCompared(path, areRoutedAlike === undefined ? REQUEST : { ...REQUEST, areRoutedAlike });

  test('where the framework says so, or says nothing', () => {
    const asked: string[][] = [];
    assertRouted('/%61dmin', (...paths) => asked.push(paths) === 1);
    expect(asked).toEqual([['/%61dmin', '/admin']]);
    expect(() => assertRouted('/%61dmin')).not.toThrow();
  });

  test('or the path is refused', () => {
    expect(() => assertRouted('/%61dmin', () => false)).toThrow(new DpopError('target_unusable'));
    expect(() => assertRouted('/a%2fb', () => false)).toThrow(new DpopError('target_unusable'));
  });

  test.each(['/admin', '/a%2Fb', '/%zz'])('%s is in normal form, or has none', (path) => {
    expect(() => assertRouted(path, () => false)).not.toThrow();
  });
});
