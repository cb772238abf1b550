import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { MemoryDenyList } from '../revocation/memory-deny-list.js';
import { digestOf, inModule, parseReceiverOptions } from './receiver-config.js';

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

  const LIST =
    'the deny-list that is the option revocation of DpopModule, such as new MemoryDenyList({ … }) or the RedisDenyList of nestjs-dpop/redis';
  const AUTHORIZATION =
    'authorization must be the value of the Authorization header that the transmitter sends, such as "Bearer …", or an array of them: printable ASCII without spaces around it, at least 16 characters';
  const TRANSMITTERS = 'transmitters must be an array of one or more transmitters: [{ issuer, audience }]';

  test.each<[string, unknown, string]>([
    ['no object', 'x', 'the options must be an object with transmitters and denyList; it is a string'],
    [
      'an unknown name',
      { denylist: 1 },
      'the object of options has no option "denylist"; known: transmitters, denyList, authorization, allowInsecureHttp, clock',
    ],
    [
      'no clock',
      { clock: 1, denyList },
      'clock must be a function that returns milliseconds since the epoch, such as Date.now; it is 1',
    ],
    ['no deny-list', { transmitters: [transmitter] }, `denyList must be ${LIST}; it is undefined`],
    [
      'a deny-list without revoke',
      { denyList: {} },
      `denyList must be ${LIST}; this one has no method revoke`,
    ],
    ['no transmitters', { denyList }, `${TRANSMITTERS}; it is undefined`],
    ['null as transmitters', { denyList, transmitters: null }, `${TRANSMITTERS}; it is null`],
    ['one transmitter', { denyList, transmitters: transmitter }, `${TRANSMITTERS}; it is object`],
    [
      'a path from the factory',
      { denyList, transmitters: [transmitter], path: 'x' },
      'path must be given to forRootAsync itself, beside the factory',
    ],
    [
      'a text as allowInsecureHttp',
      { denyList, transmitters: [transmitter], allowInsecureHttp: 'yes' },
      'allowInsecureHttp must be true or false; it is "yes"',
    ],
    ['an empty list of transmitters', { denyList, transmitters: [] }, `${TRANSMITTERS}; it is empty`],
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
      'transmitters[0].resolveSubject must be a function that returns the entries of the deny-list for a subject; it is "x"',
    ],
    ...(
      [
        [[], 'the array is empty'],
        ['', 'a value is empty: leave authorization out if the transmitter sends none'],
        [['x'.repeat(16), ''], 'a value is empty: leave authorization out if the transmitter sends none'],
        [1, 'a value is number'],
        [null, 'a value is null'],
        [SECRET.slice(1), 'a value has 15 characters'],
        [[SECRET, 'short'], 'a value has 5 characters'],
        [[SECRET, 1], 'a value is number'],
        [`${SECRET} `, 'a value has other characters, or spaces around it'],
        [` ${SECRET}`, 'a value has other characters, or spaces around it'],
        [`${SECRET}é`, 'a value has other characters, or spaces around it'],
        [`é${SECRET}`, 'a value has other characters, or spaces around it'],
        [`${SECRET}\n0`, 'a value has other characters, or spaces around it'],
      ] as const
    ).map(([authorization, fault]): [string, unknown, string] => [
      `authorization ${JSON.stringify(authorization)}`,
      { denyList, transmitters: [transmitter], authorization },
      `${AUTHORIZATION}; ${fault}`,
    ]),
  ])('are refused with %s', (_what, options, message) => {
    expect(() => parseReceiverOptions(options)).toThrow(new TypeError(`SecurityEventsModule: ${message}`));
  });

  test('accept an issuer on plain http only with allowInsecureHttp', () => {
    const insecure = { transmitters: [{ ...transmitter, issuer: 'http://keycloak:8080' }] };
    expect(() => parse(insecure)).toThrow(
      /^SecurityEventsModule: transmitters\[0\]\.issuer must be .*https.* set allowInsecureHttp: true in a network/,
    );
    expect(parse({ ...insecure, allowInsecureHttp: true }).transmitters[0]).toMatchObject({
      issuer: 'http://keycloak:8080',
    });
    expect(() => parse({ ...insecure, allowInsecureHttp: false })).toThrow(TypeError);
  });

  test('are named with the module', () => {
    expect(inModule(() => 1)).toBe(1);
    const failing = () => {
      throw new TypeError('path must be x');
    };
    expect(() => inModule(failing)).toThrow(new TypeError('SecurityEventsModule: path must be x'));
  });
});
