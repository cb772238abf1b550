import { describe, expect, test } from '@jest/globals';
import { parseJwtAccessTokenOptions } from './issuer-option-parser.js';

const KEY = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
const GOOD = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' };

const parse = (value: unknown, allowInsecureHttp = false) =>
  parseJwtAccessTokenOptions(value, 'accessToken', allowInsecureHttp, 'what the caller says');

function messageOf(value: unknown): string {
  try {
    parse(value);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'accepted';
}

const ISSUER_FORM =
  'an https URL, the issuer exactly as in iss, such as "https://auth.example.com", without userinfo, query or fragment';
const LOOPBACK =
  'http is for loopback only: use https, or set allowInsecureHttp: true in a network without eavesdroppers';
const AUDIENCE_FORM = 'this service as named in aud, a string or an array of strings';
const TYP_FORM =
  'one or several header types such as "at+jwt" or "JWT"; "absent" for tokens without typ, "any" for all';
const KEYS_FORM = 'a JWK set of public keys: { keys: [ … ] }';
const WHOLE_FORM =
  'an object, the options of an issuer: { issuer: "https://auth.example.com", audience: "https://api.example.com" }; or what the caller says';

describe('the options of an issuer (I4)', () => {
  test.each<[string, object]>([
    ['no more than issuer and audience', {}],
    ['a loopback issuer', { issuer: 'http://localhost:8080/realms/x' }],
    ['several audiences', { audience: ['a', 'b'] }],
    ['the URL of the keys', { jwksUri: 'https://auth.example.com/keys?a=b' }],
    ['keys', { keys: { keys: [KEY, KEY] } }],
    ['keys beside the URL of the keys', { jwksUri: 'https://a.test', keys: { keys: [KEY] } }],
    ['algorithms', { algorithms: ['ES256', 'EdDSA'] }],
    ['a type', { typ: 'JWT' }],
    ['types', { typ: ['at+jwt', 'absent'] }],
    [
      'the least numbers',
      { clockToleranceSeconds: 0, keysMaxAgeSeconds: 0, keysCooldownSeconds: 0, fetchTimeoutMs: 1 },
    ],
    [
      'the greatest numbers',
      {
        clockToleranceSeconds: 600,
        keysMaxAgeSeconds: 86_400,
        keysCooldownSeconds: 86_400,
        fetchTimeoutMs: 60_000,
      },
    ],
  ])('may be %s; the result is a frozen copy', (_what, changes) => {
    const given = { ...GOOD, ...changes };
    const parsed = parse(given);
    expect(parsed).toEqual(given);
    expect(parsed).not.toBe(given);
    expect(Object.isFrozen(parsed)).toBe(true);
  });

  test.each<[object, string]>([
    [{ issuer: 7 }, `.issuer must be ${ISSUER_FORM}; it is 7`],
    [{ issuer: 'x' }, `.issuer must be ${ISSUER_FORM}; it is "x"`],
    [{ issuer: 'https://a.test?b' }, `.issuer must be ${ISSUER_FORM}; it is "https://a.test?b"`],
    [{ issuer: 'https://a.test/#b' }, `.issuer must be ${ISSUER_FORM}; it is "https://a.test/#b"`],
    [{ issuer: 'http://a.test' }, `.issuer must be ${ISSUER_FORM}; ${LOOPBACK}; it is "http://a.test"`],
    [
      { issuer: 'https://user:hidden@a.test' },
      `.issuer must be ${ISSUER_FORM}; this one has userinfo, the part before "@"`,
    ],
    [{ audience: undefined }, `.audience must be ${AUDIENCE_FORM}; it is undefined`],
    [{ audience: '' }, `.audience must be ${AUDIENCE_FORM}; it is ""`],
    [{ audience: [] }, `.audience must be ${AUDIENCE_FORM}; it is []`],
    [{ audience: ['a', ''] }, `.audience must be ${AUDIENCE_FORM}; it is [ 'a', '' ]`],
    [{ audience: ['a', 7] }, `.audience must be ${AUDIENCE_FORM}; it is [ 'a', 7 ]`],
    [{ jwksUri: null }, '.jwksUri must be the https URL of the key set of the issuer; it is null'],
    [{ keys: null }, `.keys must be ${KEYS_FORM}`],
    [{ keys: {} }, `.keys must be ${KEYS_FORM}`],
    [{ keys: { keys: 'text' } }, `.keys must be ${KEYS_FORM}`],
    [{ keys: { keys: [] } }, `.keys must be ${KEYS_FORM}`],
    [{ keys: { keys: [KEY, null] } }, `.keys must be ${KEYS_FORM}`],
    [{ keys: { keys: [KEY, 'text'] } }, `.keys must be ${KEYS_FORM}`],
    [{ keys: { keys: [KEY, { crv: 'P-256' }] } }, `.keys must be ${KEYS_FORM}`],
    [
      { keys: { keys: [KEY, { ...KEY, d: 'd' }] } },
      `.keys must be ${KEYS_FORM}; one of these keys is private`,
    ],
    [{ algorithms: 'ES256' }, '.algorithms must be an array of ES256, '],
    [{ algorithms: [] }, '.algorithms must be an array of ES256, '],
    [{ algorithms: ['ES256', 'HS256'] }, '.algorithms must be an array of ES256, '],
    [{ typ: null }, `.typ must be ${TYP_FORM}; it is null`],
    [{ typ: [] }, `.typ must be ${TYP_FORM}; it is []`],
    [{ clockToleranceSeconds: -1 }, '.clockToleranceSeconds must be an integer from 0 to 600; it is -1'],
    [{ clockToleranceSeconds: 601 }, '.clockToleranceSeconds must be an integer from 0 to 600; it is 601'],
    [{ keysMaxAgeSeconds: -1 }, '.keysMaxAgeSeconds must be an integer from 0 to 86400; it is -1'],
    [{ keysCooldownSeconds: 1.5 }, '.keysCooldownSeconds must be an integer from 0 to 86400; it is 1.5'],
    [{ fetchTimeoutMs: 0 }, '.fetchTimeoutMs must be an integer from 1 to 60000; it is 0'],
    [{ jwks_uri: 'x' }, ' has no option "jwks_uri"; known: issuer, audience, jwksUri, keys, '],
  ])('that are wrong are named, with the accepted form: %j', (changes, message) => {
    const whole = messageOf({ ...GOOD, ...changes });
    expect(whole.startsWith(`accessToken${message}`)).toBe(true);
    const isCut = message.endsWith(', ');
    if (!isCut) expect(whole).toBe(`accessToken${message}`);
    expect(whole).not.toContain('hidden');
  });

  test.each<[unknown, string]>([
    [undefined, '; it is undefined'],
    ['text', '; it is "text"'],
    ['https://user:hidden@a.test', ''],
    [null, ''],
    [['hidden'], ''],
    [{ ...GOOD, verify: () => 'hidden' }, ''],
  ])('are an object; %p is shown only if it holds no secret', (value, shown) => {
    expect(messageOf(value)).toBe(`accessToken must be ${WHOLE_FORM}${shown}`);
  });

  test('may have http in a network without eavesdroppers', () => {
    const insecure = { ...GOOD, issuer: 'http://a.test', jwksUri: 'http://a.test/keys' };
    expect(parse(insecure, true)).toEqual(insecure);
    expect(() => parse({ ...insecure, issuer: GOOD.issuer })).toThrow(/^accessToken\.jwksUri must be/);
  });
});

describe('further options of an issuer (I4)', () => {
  const all = {
    ...GOOD,
    jwksUri: 'http://keycloak:8080/keys',
    allowInsecureJwksUri: true,
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti', 'nbf'],
    fetch: () => Promise.reject(new Error('unused')),
    readRights: () => undefined,
    advise: () => undefined,
  };

  test('may all be given', () => {
    expect(parse(all)).toEqual(all);
    expect(parse({ ...all, requiredClaims: [] })).toMatchObject({ requiredClaims: [] });
    expect(parse({ ...GOOD, allowInsecureJwksUri: false })).toMatchObject(GOOD);
  });

  const CLAIMS =
    'accessToken.requiredClaims must be an array of iss, exp, aud, sub, client_id, iat, jti, nbf';

  test.each<[object, string]>([
    [{ allowInsecureJwksUri: 1 }, 'accessToken.allowInsecureJwksUri must be true or false; it is 1'],
    [
      { allowInsecureJwksUri: true },
      'accessToken.allowInsecureJwksUri must be left out without jwksUri, which it is about',
    ],
    [
      { jwksUri: 'http://keycloak:8080/keys', allowInsecureJwksUri: false },
      'accessToken.jwksUri must be the https URL of the key set of the issuer; http is for loopback only: use https, or set allowInsecureJwksUri: true for this issuer in a network without eavesdroppers; it is "http://keycloak:8080/keys"',
    ],
    [{ requiredClaims: 'sub' }, `${CLAIMS}; it is "sub"`],
    [{ requiredClaims: ['sub', 'azp'] }, `${CLAIMS}; it is [ 'sub', 'azp' ]`],
    [{ requiredClaims: ['sub', 5] }, `${CLAIMS}; it is [ 'sub', 5 ]`],
    [{ fetch: 5 }, 'accessToken.fetch must be a function like the fetch of Node; it is 5'],
    [
      { readRights: 5 },
      'accessToken.readRights must be a function that returns the rights of a token, such as readStandardRights; it is 5',
    ],
    [
      { advise: 'x' },
      'accessToken.advise must be a function that returns a sentence for the operator, or undefined; it is "x"',
    ],
    [{ algorithms: 'ES256' }, 'it is "ES256"'],
    [{ jwksUri: 5 }, 'accessToken.jwksUri must be the https URL of the key set of the issuer; it is 5'],
    [{ issuer: ['https://a.test'] }, "; it is [ 'https://a.test' ]"],
    [{ keys: { keys: [{ kty: 5 }] } }, 'accessToken.keys must be a JWK set of public keys: { keys: [ … ] }'],
  ])('are refused as %j', (changes, message) => {
    const shown = messageOf({ ...GOOD, ...changes });
    if (message.startsWith('accessToken')) expect(shown).toBe(message);
    else expect(shown.endsWith(message)).toBe(true);
  });

  test('may be http for the service as a whole', () => {
    const plain = { ...GOOD, jwksUri: 'http://keycloak:8080/keys' };
    expect(parse(plain, true)).toEqual(plain);
  });

  test('may be what says nothing of an alternative', () => {
    expect(() => parseJwtAccessTokenOptions(5, 'x', false)).toThrow(
      new TypeError(
        'x must be an object, the options of an issuer: { issuer: "https://auth.example.com", audience: "https://api.example.com" }; it is 5',
      ),
    );
    expect(() => parseJwtAccessTokenOptions('https://me:secret@a.test', 'x', false)).toThrow(
      /"https:\/\/api\.example\.com" \}$/,
    );
  });
});
