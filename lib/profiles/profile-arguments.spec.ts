import { describe, expect, test } from '@jest/globals';
import { assertArguments, assertDomain, assertIssuerUrl, parseAudience } from './profile-arguments.js';
import { readRightsOfClient } from './provider-rights.js';

function messageOf(check: () => unknown): string | undefined {
  try {
    check();
  } catch (error) {
    return error instanceof TypeError ? error.message : String(error);
  }
  return undefined;
}

describe('the arguments of a profile (I4)', () => {
  test('are an object with known names', () => {
    const check = (value: unknown) => messageOf(() => assertArguments(value, 'x()', ['a', 'b']));
    expect(check({ a: 1 })).toBeUndefined();
    expect(check(undefined)).toBe('x() must be given an object, { a, b }; it is undefined');
    expect(check({ c: 1 })).toBe('x() has no option "c"; known: a, b');
  });

  test('have an audience, one or several, which is copied and frozen', () => {
    const given = ['a', 'b'];
    const parsed = parseAudience(given, 'x() audience');
    expect(parsed).toEqual(given);
    expect(parsed).not.toBe(given);
    expect(Object.isFrozen(parsed)).toBe(true);
    expect(parseAudience('a', 'x() audience')).toBe('a');
    const form =
      'x() audience must be this service as the issuer names it in aud, a string or an array of strings';
    expect(messageOf(() => parseAudience('', 'x() audience'))).toBe(`${form}; it is ""`);
    expect(messageOf(() => parseAudience([], 'x() audience'))).toBe(`${form}; it is []`);
    expect(messageOf(() => parseAudience(['a', 7], 'x() audience'))).toBe(`${form}; it is [ 'a', 7 ]`);
    const isA = (audience: string): boolean => audience === 'a';
    expect(parseAudience(['a'], 'x() audience', 'an a', isA)).toEqual(['a']);
    expect(messageOf(() => parseAudience(['a', 'b'], 'x() audience', 'an a', isA))).toBe(
      "x() audience must be an a; it is [ 'a', 'b' ]",
    );
  });

  const DOMAIN =
    'x() domain must be a host name in lower case, without scheme, path or slash, such as "example.test"';
  const long = 'a'.repeat(63);

  test.each(['x.io', 'a1.b-c.d2e', '4.example.com', `${long}.com`, `example.${long}`, 'e-x-a.m1'])(
    'have a domain: %s',
    (domain) => {
      expect(messageOf(() => assertDomain(domain, 'x() domain', 'example.test'))).toBeUndefined();
    },
  );

  const bad = [
    'https://x.io',
    'x.io/',
    ' x.io',
    'x.io ',
    '-a.com',
    'a-.com',
    'a..com',
    'com',
    'a.c',
    'A.com',
  ];
  const worse = ['_a.com', 'a_b.com', 'ab_.com', 'a._bc', 'a.b_c', 'a.bc_', 'a.-bc', 'a.bc-', `${long}a.com`];

  test.each([...bad, ...worse, '', 'x.io:443'])('have no domain %s', (domain) => {
    expect(messageOf(() => assertDomain(domain, 'x() domain', 'example.test'))).toBe(
      `${DOMAIN}; it is ${JSON.stringify(domain)}`,
    );
  });

  test('have no domain of another type, and show none with a password', () => {
    const check = (domain: unknown) => messageOf(() => assertDomain(domain, 'x() domain', 'example.test'));
    expect(check(['x.io'])).toBe(`${DOMAIN}; it is [ 'x.io' ]`);
    expect(check(undefined)).toBe(`${DOMAIN}; it is undefined`);
    expect(check('https://me:secret@x.io')).toBe(DOMAIN);
  });

  test('have the URL of an issuer', () => {
    const check = (url: unknown) => messageOf(() => assertIssuerUrl(url, 'x() url', 'a URL'));
    expect(check('https://a.test/x')).toBeUndefined();
    expect(check('http://keycloak:8080')).toBeUndefined();
    for (const url of ['https://a.test?x', 'https://a.test#x', 'ftp://a.test', 'a.test', ''])
      expect(check(url)).toBe(`x() url must be a URL; it is ${JSON.stringify(url)}`);
    expect(check(7)).toBe('x() url must be a URL; it is 7');
    expect(check(['https://a.test'])).toBe("x() url must be a URL; it is [ 'https://a.test' ]");
    expect(check('https://me:secret@a.test')).toBe(
      'x() url must be a URL; this one has userinfo, the part before "@"',
    );
  });
});

describe('the client in the claims of a provider (B13)', () => {
  test.each<[object, string | undefined]>([
    [{ azp: 'a', cid: 'b' }, 'a'],
    [{ cid: 'b' }, 'b'],
    [{ azp: '', cid: 'b' }, 'b'],
    [{ azp: 7, cid: 'b' }, 'b'],
    [{ azp: '', client_id: 'c' }, undefined],
  ])('of %j is %s', (claims, clientId) => {
    expect(readRightsOfClient({ ...claims }, 'azp', 'cid').clientId).toBe(clientId);
  });
});
