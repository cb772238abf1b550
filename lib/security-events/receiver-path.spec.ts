import { RequestMethod } from '@nestjs/common';
import { MODULE_PATH } from '@nestjs/common/constants.js';
import type { ApplicationConfig } from '@nestjs/core';
import { describe, expect, test } from '@jest/globals';
import { parsePath, servedPath } from './receiver-path.js';

describe('the path of a receiver (I4)', () => {
  test.each(['a', '/a', 'a/b', '/a-b/c_d/~e.f', '...', '.well-known/events', 'a.b', 'a..', '..a'])(
    '%s',
    (path) => {
      expect(parsePath(path)).toBe(path);
    },
  );

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    ['', '""'],
    ['/', '"/"'],
    ['a/', '"a/"'],
    ['a//b', '"a//b"'],
    [':a', '":a"'],
    ['a*', '"a*"'],
    ['a b', '"a b"'],
    ['.', '"."'],
    ['..', '".."'],
    ['../x', '"../x"'],
    ['/./x', '"/./x"'],
    ['a/..', '"a/.."'],
    ['a/../b', '"a/../b"'],
    ['a/.', '"a/."'],
    ['%2e%2e/x', '"%2e%2e/x"'],
    ['a%2fb', '"a%2fb"'],
    ['a?b', '"a?b"'],
    ['a#b', '"a#b"'],
    ['//a', '"//a"'],
    ['a\\b', '"a\\\\b"'],
    ['https://a.test/b', '"https://a.test/b"'],
    ['ä', '"ä"'],
    ['a\n', '"a\\n"'],
    [5, '5'],
    [['a'], "[ 'a' ]"],
  ])('is not %p', (path, shown) => {
    expect(() => parsePath(path)).toThrow(
      new TypeError(
        `path must be a path of fixed segments of letters, digits, "-", "_", "." and "~", such as "security-events", without "." and ".." as segments, and without query, fragment, escapes and a slash at the end; it is ${shown}`,
      ),
    );
  });
});

describe('the path that Nest serves (B9)', () => {
  class Module {}
  const modules = { applicationId: 'app' };

  interface Excluded {
    readonly pathRegex: RegExp;
    readonly requestMethod: RequestMethod;
  }

  const served = (prefix: string, exclude?: readonly Excluded[], module = Module): string =>
    servedPath(
      'a/b',
      module,
      {
        getGlobalPrefix: () => prefix,
        getGlobalPrefixOptions: () => ({ exclude }),
      } as unknown as ApplicationConfig,
      modules,
    );

  test('is behind the global prefix', () => {
    expect(served('')).toBe('/a/b');
    expect(served('api')).toBe('/api/a/b');
    expect(served('/api/v1/')).toBe('/api/v1/a/b');
  });

  test('is without it where the app excludes it for POST or all methods', () => {
    const pathRegex = /^\/a\/b$/;
    const of = (requestMethod: RequestMethod) => served('api', [{ pathRegex, requestMethod }]);
    expect(of(RequestMethod.POST)).toBe('/a/b');
    expect(of(RequestMethod.ALL)).toBe('/a/b');
    expect(of(RequestMethod.GET)).toBe('/api/a/b');
    expect(served('api', [])).toBe('/api/a/b');
    expect(served('api', [{ pathRegex: /x/, requestMethod: RequestMethod.ALL }])).toBe('/api/a/b');
  });

  test('is below the path of RouterModule, of this app or of any', () => {
    class Routed {}
    Reflect.defineMetadata(MODULE_PATH, '/any/', Routed);
    expect(served('api', [], Routed)).toBe('/api/any/a/b');
    Reflect.defineMetadata(`${MODULE_PATH}app`, 'own', Routed);
    expect(served('api', [], Routed)).toBe('/api/own/a/b');
  });
});
