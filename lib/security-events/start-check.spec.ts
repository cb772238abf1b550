import { Scope } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { describe, expect, test } from '@jest/globals';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { MemoryDenyList } from '../revocation/memory-deny-list.js';
import { MODULE_OPTIONS_TOKEN } from './module-definition.js';
import { RECEIVER_CONFIG } from './receiver-config.js';
import { RECEIVER_PATH } from './receiver-path.js';
import { SecurityEventsStartCheck } from './start-check.js';

const A = 'https://a.test';
const denyList = new MemoryDenyList({ maxTokenLifetimeSeconds: 60 });
const own = { isRevoked: () => false };

interface Module {
  readonly metatype: object;
  readonly imports: ReadonlySet<never>;
  readonly providers: ReadonlyMap<unknown, object>;
}

const moduleOf = (providers: readonly (readonly [unknown, object])[]): Module => ({
  metatype: class SecurityEventsModule {},
  imports: new Set(),
  providers: new Map(providers),
});

const dpop = (config: object | undefined): Module =>
  moduleOf([
    [
      DPOP_CONFIG,
      {
        instance: config && {
          revocation: denyList,
          issuers: [{ issuer: A }],
          issuerVerifiers: [],
          ...config,
        },
      },
    ],
  ]);

function receiver(config: object | null = {}, path: unknown = 'a'): Module {
  const instance = (config ?? undefined) && { denyList, transmitters: [{ issuer: A }], ...config };
  return moduleOf([
    [RECEIVER_CONFIG, { instance }],
    [RECEIVER_PATH, { instance: path }],
    [MODULE_OPTIONS_TOKEN, { scope: Scope.DEFAULT, inject: [] }],
  ]);
}

function checkOf(...modules: readonly Module[]): SecurityEventsStartCheck {
  return new SecurityEventsStartCheck(
    new Map(modules.map((module, at) => [`${at}`, module])) as unknown as ModulesContainer,
  );
}

function warningsOf(...modules: readonly Module[]): readonly string[] {
  const lines: string[] = [];
  checkOf(...modules).warnOfNoEffect((text) => lines.push(text));
  return lines;
}

describe('receivers of one app (B9)', () => {
  test.each([
    ['a', 'a'],
    ['a', '/a'],
    ['A/b', 'a/B'],
  ])('cannot have one path: %s and %s', (first, second) => {
    expect(() => checkOf(receiver({}, first), receiver({}, second))).toThrow(
      new TypeError(
        `SecurityEventsModule is registered twice with the path "${first.toLowerCase()}", and only one of both would get events: give each a path of its own, or list all transmitters in one`,
      ),
    );
  });

  test('have paths of their own, and those without options have none', () => {
    expect(() => checkOf(receiver({}, 'a'), receiver({}, 'b'), receiver({}, 'a/a'), dpop({}))).not.toThrow();
    expect(() => checkOf(receiver({}, ''), receiver({}, ''))).not.toThrow();
    expect(() => checkOf(moduleOf([]), moduleOf([[RECEIVER_CONFIG, {}]]))).not.toThrow();
  });

  test('cannot depend on a request', () => {
    class Module {}
    const scoped = {
      ...receiver(),
      providers: new Map<unknown, object>([
        [RECEIVER_CONFIG, {}],
        [MODULE_OPTIONS_TOKEN, { scope: Scope.REQUEST, token: MODULE_OPTIONS_TOKEN, metatype: Module }],
      ]),
    };
    expect(() => checkOf(receiver(), scoped)).toThrow(
      /^The options of SecurityEventsModule must be one for the whole app, but they depend on a request-scoped provider: SecurityEventsModule.*\. Each request would fetch the keys of the transmitters\. Inject singletons only, such as ConfigService$/,
    );
  });
});

const UNASKED =
  'Security events are entered in a deny-list that DpopModule does not ask, so that they revoke nothing: pass the same object as revocation of DpopModule and as denyList of SecurityEventsModule';

describe('events without effect are warned of (B9)', () => {
  test('not where DpopModule asks the list', () => {
    expect(warningsOf(dpop({}), receiver())).toStrictEqual([]);
    expect(warningsOf(dpop({ revocation: undefined }), dpop({}), receiver())).toStrictEqual([]);
    expect(warningsOf(dpop({}), receiver(null), moduleOf([]))).toStrictEqual([]);
    expect(warningsOf(dpop(undefined), dpop({}), receiver())).toStrictEqual([]);
  });

  test('where it asks none, or another, of one of the receivers', () => {
    const other = { denyList: new MemoryDenyList({ maxTokenLifetimeSeconds: 60 }) };
    expect(warningsOf(dpop({ revocation: undefined }), receiver())).toEqual([UNASKED]);
    expect(warningsOf(dpop({}), receiver(other))).toEqual([UNASKED]);
    expect(warningsOf(dpop({}), receiver({}, 'a'), receiver(other, 'b'))).toEqual([UNASKED]);
  });

  test('not where a checker of the app may ask it', () => {
    expect(warningsOf(dpop({ revocation: own }), receiver())).toStrictEqual([]);
    expect(warningsOf(dpop({ revocation: undefined }), dpop({ revocation: own }), receiver())).toStrictEqual(
      [],
    );
  });

  test('where the app has no DpopModule', () => {
    expect(warningsOf(receiver())).toEqual([
      'Security events are received in an app without DpopModule: they take effect only where another service has a DpopModule whose option revocation is the same list, such as a RedisDenyList with the same keyPrefix',
    ]);
  });

  const unknown = (issuers: string, of: string, accepted = A) =>
    `DpopModule accepts no access tokens of ${issuers}, so that events about them revoke nothing: set subjectIssuers of the transmitter ${of} to the issuers in accessToken, each exactly as in iss: ${accepted}`;

  test('where it accepts no tokens of an issuer, by default that of the transmitter', () => {
    const transmitters = [
      { issuer: A },
      { issuer: 'https://b.test' },
      { issuer: 'https://c.test', subjectIssuers: [A] },
      { issuer: 'https://d.test', subjectIssuers: [`${A}/`, A, 'x'] },
    ];
    expect(warningsOf(dpop({}), receiver({ transmitters }))).toEqual([
      unknown('https://b.test', 'https://b.test'),
      unknown(`${A}/ and x`, 'https://d.test'),
    ]);
  });

  test('not where one registration accepts them, by options or by a verifier', () => {
    const issuers = [{ issuer: 'https://b.test' }];
    const transmitters = [{ issuer: A }, { issuer: 'https://b.test' }];
    expect(warningsOf(dpop({}), dpop({ issuers }), receiver({ transmitters }))).toStrictEqual([]);
    expect(warningsOf(dpop({ issuerVerifiers: issuers }), receiver({ transmitters }))).toStrictEqual([]);
    expect(warningsOf(dpop({ issuers }), dpop({ issuers: [{ issuer: 'c' }] }), receiver())).toEqual([
      unknown(A, A, 'https://b.test, c'),
    ]);
  });

  test('not where tokens of other issuers may be accepted', () => {
    const events = receiver({ transmitters: [{ issuer: 'https://b.test' }] });
    expect(warningsOf(dpop({ resolution: {} }), events)).toStrictEqual([]);
    expect(warningsOf(dpop({ resolution: {} }), dpop({}), events)).toStrictEqual([]);
    const text = receiver({ transmitters: [{ issuer: 'https://b.test', subjectIssuers: ['b.test'] }] });
    expect(warningsOf(dpop({ resolution: {} }), text)).toEqual([unknown('b.test', 'https://b.test')]);
    expect(warningsOf(dpop({ resolution: {}, issuers: [] }), text)).toEqual([
      unknown('b.test', 'https://b.test', '').replace(/: $/, ''),
    ]);
    expect(warningsOf(dpop({ fallbackVerifier: {} }), text)).toStrictEqual([]);
    expect(warningsOf(dpop({}), dpop({ fallbackVerifier: {} }), events)).toStrictEqual([]);
  });
});
