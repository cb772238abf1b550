import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { MemoryDenyList } from '../revocation/memory-deny-list.js';
import { digestOf, parsePath, parseReceiverOptions } from './receiver-config.js';

const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 3600 });
const transmitter = { issuer: 'https://a.test', audience: 'https://api.test/events' };
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const SECRET = 'Bearer 012345678';

const parse = (changes: object) =>
  parseReceiverOptions({ transmitters: [transmitter], denyList, ...changes });

describe('the options of a receiver (B9, I4)', () => {
  test('are parsed, frozen, and have defaults', () => {
    const config = parse({});
    expect(config).toMatchObject({ transmitters: [transmitter], denyList, authorizations: [] });
    expect(config.denyList).toBe(denyList);
    expect(config.clock()).toBeGreaterThan(1_700_000_000_000);
    expect([config, config.transmitters[0]].every(Object.isFrozen)).toBe(true);
  });

  test('have a clock, and other deny-lists than those of the library', () => {
    const own = { revoke: () => Promise.resolve() };
    const config = parse({ clock: () => 7, denyList: own });
    expect(config.clock()).toBe(7);
    expect(config.denyList).toBe(own);
  });

  test('have all that is set for a transmitter, and nothing else', () => {
    const subjectIssuers = ['https://b.test'];
    const resolveSubject = () => undefined;
    const full = {
      ...transmitter,
      jwksUri: 'https://a.test/jwks',
      algorithms: ['ES256'],
      clockToleranceSeconds: 5,
      keysMaxAgeSeconds: 60,
      keysCooldownSeconds: 5,
      fetchTimeoutMs: 1000,
      allowInsecureJwksUri: false,
      fetch: () => Promise.reject(new Error('unused')),
      subjectIssuers,
      resolveSubject,
    };
    const [parsed] = parse({ transmitters: [full] }).transmitters;
    expect(parsed).toEqual(full);
    expect(parsed?.subjectIssuers).not.toBe(subjectIssuers);
    expect(Object.isFrozen(parsed?.subjectIssuers)).toBe(true);
    expect(Object.keys(parse({}).transmitters[0] ?? {})).not.toContain('subjectIssuers');
    expect(Object.keys(parse({}).transmitters[0] ?? {})).not.toContain('resolveSubject');
  });

  test('have the digests of the values of Authorization', () => {
    expect(parse({ authorization: SECRET }).authorizations).toEqual([sha256(SECRET)]);
    expect(parse({ authorization: [SECRET, `${SECRET}9`] }).authorizations).toEqual([
      sha256(SECRET),
      sha256(`${SECRET}9`),
    ]);
    expect(parse({ authorization: 'x'.repeat(16) }).authorizations).toHaveLength(1);
    expect(digestOf('')).toEqual(sha256(''));
  });

  const LIST = 'a deny-list, such as new MemoryDenyList({ … }) or the RedisDenyList of nestjs-dpop/redis';
  const AUTHORIZATION =
    'authorization must be the value of the Authorization header that the transmitter sends, such as "Bearer …", or an array of them: printable ASCII, at least 16 characters';

  test.each<[string, unknown, string]>([
    [
      'no object',
      'x',
      'SecurityEventsModule options must be an object with transmitters and denyList; it is a string',
    ],
    [
      'an unknown name',
      { denylist: 1 },
      'SecurityEventsModule options has no option "denylist"; known: transmitters, denyList, authorization, clock',
    ],
    [
      'no clock',
      { clock: 1, denyList },
      'clock must be a function that returns milliseconds since the epoch, such as Date.now',
    ],
    [
      'no deny-list',
      { transmitters: [transmitter] },
      `denyList must be ${LIST}; the one that is the option revocation of DpopModule; it is undefined`,
    ],
    [
      'a deny-list without revoke',
      { denyList: {} },
      `denyList must be ${LIST}; this one has no method revoke`,
    ],
    [
      'no transmitters',
      { denyList },
      'transmitters must be an array of one or more transmitters: [{ issuer, audience }]',
    ],
    [
      'an empty list of transmitters',
      { denyList, transmitters: [] },
      'transmitters must be an array of one or more transmitters: [{ issuer, audience }]',
    ],
    [
      'a transmitter that is no object',
      { denyList, transmitters: [transmitter, 'x'] },
      'transmitters[1] must be an object, the options of a transmitter: { issuer, audience }; it is a string',
    ],
    [
      'a transmitter with an option of access tokens',
      { denyList, transmitters: [{ ...transmitter, typ: 'x' }] },
      'transmitters[0] has no option "typ"; known: issuer, audience, jwksUri, keys, algorithms, clockToleranceSeconds, keysMaxAgeSeconds, keysCooldownSeconds, fetchTimeoutMs, allowInsecureJwksUri, fetch, subjectIssuers, resolveSubject',
    ],
    [
      'a transmitter twice',
      { denyList, transmitters: [transmitter, { ...transmitter, audience: 'x' }] },
      'transmitters must be a list with each issuer once; give the audiences of one issuer as an array; it is "https://a.test"',
    ],
    [
      'no issuers of subjects',
      { denyList, transmitters: [{ ...transmitter, subjectIssuers: [] }] },
      'transmitters[0].subjectIssuers must be an array of issuers of access tokens, each exactly as in iss; it is []',
    ],
    [
      'a resolver that is no function',
      { denyList, transmitters: [{ ...transmitter, resolveSubject: 'x' }] },
      'transmitters[0].resolveSubject must be a function that returns the entries of the deny-list for a subject',
    ],
    ...[
      [],
      '',
      1,
      SECRET.slice(1),
      [SECRET, 'short'],
      [SECRET, 1],
      `${SECRET} `,
      ` ${SECRET}`,
      `${SECRET}é`,
    ].map((authorization): [string, unknown, string] => [
      `authorization ${JSON.stringify(authorization)}`,
      { denyList, transmitters: [transmitter], authorization },
      AUTHORIZATION,
    ]),
  ])('are refused with %s', (_what, options, message) => {
    expect(() => parseReceiverOptions(options)).toThrow(new TypeError(message));
  });

  test('do not accept an issuer on plain http', () => {
    expect(() => parse({ transmitters: [{ ...transmitter, issuer: 'http://keycloak:8080' }] })).toThrow(
      /^transmitters\[0\]\.issuer must be .*https/,
    );
  });
});

describe('the path of a receiver (I4)', () => {
  test.each(['a', '/a', 'a/b', '/a-b/c_d/~e.f'])('%s', (path) => {
    expect(parsePath(path)).toBe(path);
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    ['', '""'],
    ['/', '"/"'],
    ['a/', '"a/"'],
    ['a//b', '"a//b"'],
    [':a', '":a"'],
    ['a*', '"a*"'],
    ['a b', '"a b"'],
    [['a'], "[ 'a' ]"],
  ])('is not %p', (path, shown) => {
    expect(() => parsePath(path)).toThrow(
      new TypeError(`path must be a path of fixed segments, such as "security-events"; it is ${shown}`),
    );
  });
});
