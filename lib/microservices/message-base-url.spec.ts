import { describe, expect, test } from '@jest/globals';
import { type HttpSide, parseMessageBaseUrl } from './message-base-url.js';

const parse = (value: unknown, http: Partial<HttpSide> = {}): string =>
  parseMessageBaseUrl(value, 'OrdersGuard', {
    origins: ['https://api.example.com', 'https://example.com/v1'],
    allowInsecureHttp: false,
    hasHttpServer: true,
    ...http,
  });

describe('the base URL of messages (J3)', () => {
  test.each([
    ['https://messages.example.com', 'https://messages.example.com'],
    ['HTTPS://Messages.Example.com:443/v1/', 'https://messages.example.com/v1'],
    ['http://localhost:4000', 'http://localhost:4000'],
    // Neither begins with the other: the next character is no slash.
    ['https://example.com/v10', 'https://example.com/v10'],
    ['https://example.com/v2', 'https://example.com/v2'],
  ])('%s is accepted as %s', (value, normal) => {
    expect(parse(value)).toBe(normal);
  });

  test.each<readonly [unknown, string]>([
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    ['', '""'],
    ['orders', '"orders"'],
    ['https://example.com?a', '"https://example.com?a"'],
    ['http://messages.example.com', '"http://messages.example.com"'],
    [{ toString: () => 'https://messages.example.com' }, '{ toString: [Function: toString] }'],
  ])('%j is no such URL, and the guard is named (D9)', (value, shown) => {
    expect(() => parse(value)).toThrow(
      new TypeError(
        `OrdersGuard.baseUrl must be an https URL such as "https://messages.example.com", without query or fragment; it is ${shown}`,
      ),
    );
  });

  test('may be http on any host where the service allows that', () => {
    const value = 'http://messages.example.com';
    expect(parse(value, { allowInsecureHttp: true })).toBe(value);
    expect(() => parse('ftp://messages.example.com', { allowInsecureHttp: true })).toThrow(TypeError);
  });

  test.each([
    ['https://api.example.com', 'https://api.example.com'],
    ['https://api.example.com/messages', 'https://api.example.com'],
    ['https://example.com', 'https://example.com/v1'],
  ])('%s is refused beside HTTP, because of the origin %s (C5)', (value, origin) => {
    expect(() => parse(value)).toThrow(
      new TypeError(
        `OrdersGuard.baseUrl must be a URL that no HTTP route of the app has, and that begins with no value of the option origin (${origin}), nor the other way round. Use a host of its own; it is "${value}"`,
      ),
    );
    expect(parse(value, { hasHttpServer: false })).toBe(value);
  });

  test('cannot be told from the URLs of HTTP routes that depend on the request', () => {
    const value = 'https://messages.example.com';
    expect(() => parse(value, { origins: undefined })).toThrow(
      new TypeError(
        'OrdersGuard.baseUrl must be told apart from the URLs of HTTP routes: set the option origin to a URL or an array of URLs',
      ),
    );
    expect(parse(value, { origins: undefined, hasHttpServer: false })).toBe(value);
  });
});
