import { describe, expect, test } from '@jest/globals';
import { areRoutedAlike } from './express-routes.js';

/** A layer of Express that matches these paths. */
const layer = (...paths: string[]) => ({ match: (path: string) => paths.includes(path) });

/** Express makes its app and its router functions. */
function requestOf(stack: unknown, baseUrl: unknown = ''): Readonly<Record<string, unknown>> {
  return { app: Object.assign(() => {}, { router: Object.assign(() => {}, { stack }) }), baseUrl };
}

const isAlike = (request: Readonly<Record<string, unknown>>) => areRoutedAlike(request, '/%61', '/a');

describe('what is compared must be what is routed: two spellings of a path (C9)', () => {
  test('are alike where the same layers of Express match both', () => {
    expect(isAlike(requestOf([]))).toBe(true);
    expect(isAlike(requestOf([layer('/b'), layer('/a', '/%61')]))).toBe(true);
  });

  test('are not where a layer matches one of them', () => {
    expect(isAlike(requestOf([layer('/a', '/%61'), layer('/a')]))).toBe(false);
    expect(isAlike(requestOf([layer('/%61'), layer('/b')]))).toBe(false);
  });

  test('are judged by whether a layer matches, whatever it answers', () => {
    const answering = (one: unknown, other: unknown) =>
      requestOf([{ match: (path: string) => (path === '/a' ? one : other) }]);
    expect(isAlike(answering(true, { path: '/' }))).toBe(true);
    expect(isAlike(answering(undefined, false))).toBe(true);
    expect(isAlike(answering(undefined, { path: '/' }))).toBe(false);
  });

  test('match a layer that throws', () => {
    const throwing = (...paths: string[]) => ({
      match: (path: string) => {
        if (paths.includes(path)) throw new URIError('malformed');
        return true;
      },
    });
    expect(isAlike(requestOf([throwing('/%61', '/a')]))).toBe(true);
    expect(isAlike(requestOf([throwing('/%61')]))).toBe(true);
    const silent = { match: (path: string) => path === '/a' && layer().match(path) };
    expect(isAlike(requestOf([throwing('/a'), silent]))).toBe(true);
    const throwingOrNot = {
      match: (path: string) => {
        if (path === '/a') throw new URIError('malformed');
        return false;
      },
    };
    expect(isAlike(requestOf([throwingOrNot]))).toBe(false);
  });

  test('are alike in a framework that decodes paths', () => {
    expect(isAlike({})).toBe(true);
    expect(isAlike({ app: {}, baseUrl: '/v1' })).toBe(true);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['in a mounted app', requestOf([], '/v1')],
    ['without the path of the mount', requestOf([], null)],
    ['without a router', { app: () => {}, baseUrl: '' }],
    [
      'where the router is no function',
      { app: Object.assign(() => {}, { router: { stack: [] } }), baseUrl: '' },
    ],
    ['without layers', requestOf(undefined)],
    ['where the layers are no list', requestOf({ length: 0, every: () => true })],
    ['where a layer is none', requestOf([layer('/a', '/%61'), null])],
    ['where a layer is a text', requestOf(['match'])],
    ['where a layer cannot match', requestOf([layer('/a', '/%61'), { match: true }])],
  ])('are not where that cannot be told: %s', (_where, request) => {
    expect(isAlike(request)).toBe(false);
  });
});
