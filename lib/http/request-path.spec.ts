import { describe, expect, test } from '@jest/globals';
import { DpopError } from '../errors/dpop.error.js';
import { parseRequestPath } from './request-path.js';

describe('C9 the path of a request target', () => {
  test.each([
    ['/', '/'],
    ['/a/b?c=d#e', '/a/b'],
    ['/a?b?c', '/a'],
    ['/?', '/'],
    ['/a#b?c', '/a'],
    ['/a/../b/%2e', '/a/../b/%2e'],
    ['//evil.example/a', '//evil.example/a'],
    ['///a', '///a'],
    ['/https://evil.example/a', '/https://evil.example/a'],
    ['/\\evil.example', '/\\evil.example'],
    ['http://evil.example/a?b', '/a'],
    ['https://evil.example:8443/a/b', '/a/b'],
    ['https://evil.example', '/'],
    ['http://[::1]:80/a', '/a'],
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
    'javascript:alert(1)',
    ' /a',
  ])('of %j is none', (target) => {
    expect(() => parseRequestPath(target)).toThrow(new DpopError('target_unusable'));
  });
});
