import { describe, expect, test } from '@jest/globals';
import { isIssuerResolution, LIMIT_ANSWER, parseIssuerResolution } from './issuer-resolution.js';

const resolveIssuer = () => undefined;
const parse = (value: unknown, allowInsecureHttp = false) =>
  parseIssuerResolution(value, 'accessToken', allowInsecureHttp);
const REQUEST = { method: 'GET', target: '/', rawHeaders: [] };

describe('issuers that are resolved at run time (B10, I4)', () => {
  test('are meant by an object with resolveIssuer, right or wrong', () => {
    for (const value of [{ resolveIssuer }, { resolveIssuer: 5 }, { resolveIssuer: undefined }])
      expect(isIssuerResolution(value)).toBe(true);
    for (const value of [{}, undefined, null, 'resolveIssuer', resolveIssuer])
      expect(isIssuerResolution(value)).toBe(false);
  });

  test('have defaults, and are frozen', () => {
    const parsed = parse({ resolveIssuer });
    expect(parsed).toEqual({
      resolveIssuer,
      tenantOf: expect.any(Function),
      maxIssuers: 1000,
      lookupMaxAgeSeconds: 60,
      lookupTimeoutMs: 5000,
      allowInsecureHttp: false,
      limitAnswer: expect.any(Function),
    });
    expect(parsed.tenantOf(REQUEST)).toBe('');
    const answer = { issuer: 'https://a.test', audience: 'api' };
    expect(parsed.limitAnswer(answer)).toBe(answer);
    expect(Object.isFrozen(parsed)).toBe(true);
  });

  test('have all that is given, and the limit of a profile', () => {
    const limit = (options: object) => ({ ...options, limited: true });
    const given = {
      resolveIssuer,
      tenantOf: () => 'a',
      maxIssuers: 1,
      lookupMaxAgeSeconds: 1,
      lookupTimeoutMs: 1,
    };
    const parsed = parse({ ...given, [LIMIT_ANSWER]: limit }, true);
    expect(parsed).toEqual({ ...given, allowInsecureHttp: true, limitAnswer: limit });
  });

  test.each([
    ['maxIssuers', 1, 100_000],
    ['lookupMaxAgeSeconds', 1, 86_400],
    ['lookupTimeoutMs', 1, 60_000],
  ])('have %s within its bounds, both included', (name, min, max) => {
    for (const value of [min, max])
      expect(parse({ resolveIssuer, [name]: value })).toMatchObject({ [name]: value });
    for (const value of [min - 1, max + 1])
      expect(() => parse({ resolveIssuer, [name]: value })).toThrow(
        new TypeError(`accessToken.${name} must be an integer from ${min} to ${max}; it is ${value}`),
      );
  });

  test.each<[unknown, string]>([
    [5, 'accessToken must be an object; it is a number'],
    [
      { resolveIssuer, tenant: 5 },
      'accessToken has no option "tenant"; known: resolveIssuer, tenantOf, maxIssuers, lookupMaxAgeSeconds, lookupTimeoutMs',
    ],
    [
      { resolveIssuer: 5 },
      'accessToken.resolveIssuer must be a function that returns the options of an issuer, or undefined; it is 5',
    ],
    [
      { resolveIssuer, tenantOf: 'a' },
      'accessToken.tenantOf must be a function that returns a string; it is "a"',
    ],
  ])('are refused as %o', (value, message) => {
    expect(() => parse(value)).toThrow(new TypeError(message));
  });
});
