import { describe, expect, test } from '@jest/globals';
import { hasUserinfo, isSecureBaseUrl, isTrustedUrl, normalizeBaseUrl } from './base-url.js';

describe('a base URL (C9o)', () => {
  test.each([
    ['https://api.example.com', 'https://api.example.com'],
    ['https://api.example.com/', 'https://api.example.com'],
    ['https://api.example.com/v1/', 'https://api.example.com/v1'],
    ['https://api.example.com/v1//', 'https://api.example.com/v1'],
    ['HTTPS://API.example.com:443/V1', 'https://api.example.com/V1'],
    ['https://api.example.com/%7ea/../b', 'https://api.example.com/b'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['http://[0:0::1]:3000', 'http://[::1]:3000'],
    ['http://127.1:80', 'http://127.0.0.1'],
  ])('%s has the normal form %s', (value, normal) => {
    expect(normalizeBaseUrl(value)).toBe(normal);
  });

  test.each([
    '',
    'api.example.com',
    '/v1',
    'https://',
    'https://api.example.com?a',
    'https://api.example.com/#a',
    'https://user@api.example.com',
    'https://user:secret@api.example.com',
    'ftp://api.example.com',
    'file:///etc/passwd',
    'wss://api.example.com',
    'https://api.example.com:99999',
    'https://api.example.com/%zz',
  ])('%j is none', (value) => {
    expect(normalizeBaseUrl(value)).toBeUndefined();
  });
});

describe('only https, and http on loopback (A1)', () => {
  test.each([
    'https://api.example.com',
    'http://localhost',
    'http://localhost:3000',
    'http://app.localhost:3000/v1',
    'http://127.0.0.1:3000',
    'http://127.8.9.1',
    'http://127.0.10.100',
    'http://app1.localhost',
    'http://[::1]:3000',
  ])('%s is secure', (value) => {
    expect(isSecureBaseUrl(value)).toBe(true);
  });

  test.each([
    'http://api.example.com',
    'http://localhost.example.com',
    'http://notlocalhost',
    'http://127.0.0.1.example.com',
    'http://127.0.0',
    'http://128.0.0.1',
    'http://[::2]',
    'http://[::ffff:127.0.0.1]',
    'http://localhost@example.com',
    'http://0.0.0.0',
    'http://10.0.0.1',
    'ws://localhost',
    'http://example.com/http://localhost',
    'http://example.com/.localhost',
  ])('%s is not', (value) => {
    expect(isSecureBaseUrl(value)).toBe(false);
  });
});

describe('a URL that is fetched (A1)', () => {
  test.each([
    'https://auth.example.com',
    'HTTPS://auth.example.com/realms/a',
    'https://auth.example.com:8443/jwks?tenant=a',
    'https://bücher.example/jwks',
    'http://localhost:3000/jwks',
    'http://127.0.0.1/jwks',
    'https://auth.example.com/@a',
  ])('%s is trusted, with allowInsecureHttp or not', (value) => {
    expect([isTrustedUrl(value, false), isTrustedUrl(value, true)]).toEqual([true, true]);
  });

  test.each(['http://auth.example.com', 'HTTP://keycloak:8080/realms/x', 'http://10.0.0.1/jwks'])(
    '%s is trusted with allowInsecureHttp alone',
    (value) => {
      expect([isTrustedUrl(value, false), isTrustedUrl(value, true)]).toEqual([false, true]);
    },
  );

  test.each([
    'ftp://auth.example.com',
    'ftp://localhost',
    'ws://auth.example.com',
    'wss://auth.example.com',
    'file:///etc/passwd',
    'data:application/json,{}',
    'blob:https://auth.example.com/1',
    'javascript:0',
    '',
    '/jwks',
    '//auth.example.com',
    'auth.example.com',
    'https://',
    // fetch takes no userinfo
    'https://user:secret@auth.example.com',
    'https://user@auth.example.com',
    'https://@auth.example.com',
    'https://:@auth.example.com',
    'http://user:secret@localhost:3000',
    // What only the repairs of URL make a URL
    'https:/auth.example.com',
    'https:auth.example.com',
    'https:///auth.example.com',
    'https:\\\\auth.example.com',
    'https://auth.example.com\\a',
    ' https://auth.example.com',
    'https://auth.example.com ',
    'https://auth.exa\nmple.com',
    'https://auth.example.com/\0',
  ])('%j is never trusted', (value) => {
    expect([isTrustedUrl(value, false), isTrustedUrl(value, true)]).toEqual([false, false]);
  });

  test.each([
    ['https://user:secret@auth.example.com', true],
    ['HTTPS://secret@auth.example.com', true],
    [' https://:secret@auth.example.com', true],
    ['https:secret@auth.example.com', true],
    ['https://@auth.example.com', true],
    ['https://auth.example.com/@', false],
    ['https://auth.example.com?@', false],
    ['https://auth.example.com#@', false],
    ['h2s://secret@auth.example.com', true],
    ['auth.example.com', false],
    ['https://auth.example.com/https://user@example.com', false],
  ])('%j has userinfo: %s', (value, expected) => {
    expect(hasUserinfo(value)).toBe(expected);
  });
});
