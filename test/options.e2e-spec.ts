import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Controller, type DynamicModule, Get, Module, type Type, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import {
  type AccessTokenClaims,
  AccessTokenVerifier,
  Dpop,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  DpopVerifier,
  MemoryStorage,
  RequireAuthentication,
  RequireScopes,
} from 'nestjs-dpop';
import { TestClient, TestIssuer } from 'nestjs-dpop/testing';
import { call, closeApps, proofFor, startApp } from './support-surface.js';

const GOOD = {
  origin: 'https://api.example.com',
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
} as const;

class OwnVerifier extends AccessTokenVerifier {
  override verify(): AccessTokenClaims {
    return {};
  }
}

/** Configurations come from JSON and from untyped code, too. */
type Untyped = Readonly<Record<string, unknown>>;

function start(dpop: DynamicModule | Type): Promise<unknown> {
  @Module({ imports: [dpop] })
  class AppModule {}

  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false }).then(
    async (app) => await app.close(),
  );
}

const forRoot = (options?: unknown): DynamicModule => DpopModule.forRoot(options as DpopModuleOptions);
const forRootAsync = (options?: unknown): DynamicModule =>
  DpopModule.forRootAsync(options as Parameters<typeof DpopModule.forRootAsync>[0]);

const ORIGIN_WITH_QUERY = 'https://api.example.com/?x=y';
const secret31 = randomBytes(31).toString('base64url');
const secret32 = randomBytes(32).toString('base64url');
const store = new MemoryStorage().replayStore;
const NAN = Number.NaN;

/** What is wrong, with the option that must be named and a part of the form that must be told. */
type Row = readonly [values: readonly unknown[], accepted: string];

const TOP_LEVEL: Readonly<Record<string, Row>> = {
  origin: [
    [
      undefined,
      null,
      '',
      'api.example.com',
      '//api.example.com',
      'http://api.example.com',
      'http://127.0.0.1.example.com',
      'http://localhost.example.com',
      'ftp://api.example.com',
      'https://',
      'https://user@api.example.com',
      'https://api.example.com?',
      'https://api.example.com/?x=y',
      'https://api.example.com#part',
      'Request',
      [],
      [''],
      ['https://api.example.com', 'http://api.example.com'],
      ['https://api.example.com', 42],
      42,
      true,
      {},
    ],
    'an https URL such as "https://api.example.com"',
  ],
  allowInsecureHttp: [[null, 'yes', 1], 'true or false'],
  accessToken: [[undefined, null, 'https://auth.example.com', 42, [], [null], [[]]], ''],
  maxTokenBytes: [[null, 0, -1, 255, 65_537, 512.5, '8192', NAN], 'an integer from 256 to 65536'],
  proof: [[null, 'strict', 60, true, []], 'an object'],
  nonce: [[null, 'optional', '', true, 42, []], '"off" or "required"'],
  storage: [
    [
      null,
      'redis',
      42,
      {},
      { replayStore: {} },
      { replayStore: { claim: () => 'first' } },
      { replayStore: { epochOf: () => 'AAAAAAAA' } },
      { replayStore: { claim: () => 'first', epochOf: () => '', refreshEpoch: 'yes' }, shared: true },
      { replayStore: store, shared: true, nonceSecrets: {} },
      { replayStore: store, shared: true, nonceSecrets: null },
      { replayStore: store, shared: true, open: 'yes' },
      { replayStore: store, shared: true, close: {} },
      { replayStore: store },
      { replayStore: store, shared: 'no' },
      MemoryStorage,
    ],
    'a DpopStorage, such as new MemoryStorage()',
  ],
  bearer: [[null, 'allow', true, ''], '"reject" or "allow-unbound"'],
  onReplayStoreFailure: [[null, 'accept', true], '"refuse" or "accept-and-report"'],
  realm: [[null, '', 42, 'Bücher', 'two\nlines', 'nul\0'], 'printable ASCII'],
  metadata: [[null, 'https://api.example.com/.well-known/oauth-protected-resource', []], 'an object'],
  cache: [[null, 1000, []], 'an object'],
  isGlobal: [[null, 'yes', 0], 'true or false'],
  clock: [[null, 42, '2030-01-01', new Date(0)], 'a function that returns milliseconds'],
};

const NESTED: readonly (readonly [option: string, inner: Untyped, row: Row])[] = [
  ['proof', {}, [[{ maxAge: 60 }], 'maxAgeSeconds']],
  ['nonce', { mode: 'off' }, [[{ ttl: 60 }], 'lifetimeSeconds']],
  ['metadata', { url: 'https://api.example.com/m' }, [[{ resource: 'x' }], 'url']],
  ['cache', {}, [[{ tokens: 1 }], 'maxTokens']],
  ['accessToken', GOOD.accessToken, [[{ jwks_uri: 'https://auth.example.com/jwks' }], 'jwksUri']],
];

const MEMBERS: readonly (readonly [option: string, member: string, inner: Untyped, row: Row])[] = [
  [
    'proof',
    'algorithms',
    {},
    [[null, [], [''], 'ES256', ['none'], ['HS256'], ['ES256', 'RS1'], ['es256'], [42]], 'ES256'],
  ],
  [
    'proof',
    'maxAgeSeconds',
    {},
    [[null, 0, -60, 1.5, '60', NAN, Infinity, 3601], 'an integer from 1 to 3600'],
  ],
  ['proof', 'futureToleranceSeconds', {}, [[null, -1, 0.5, '30', NAN, 3601], 'an integer from 0 to 3600']],
  ['proof', 'maxBytes', {}, [[null, 0, 511, 65_537, '8192'], 'an integer from 512 to 65536']],
  ['proof', 'queryInHtu', {}, [[null, 'drop', true], '"ignore" or "reject"']],
  ['nonce', 'mode', {}, [[undefined, null, 'optional', true], '"off" or "required"']],
  [
    'nonce',
    'secret',
    { mode: 'required' },
    [
      [
        null,
        '',
        'not base64!',
        secret31,
        new Uint8Array(31),
        [],
        [secret32, secret31],
        [secret32, 'x y'],
        [[secret32]],
        42,
        {},
      ],
      'at least 32 bytes',
    ],
  ],
  [
    'nonce',
    'lifetimeSeconds',
    { mode: 'required' },
    [[null, 0, -1, 1.5, '120', NAN, 3601], 'an integer from 1 to 3600'],
  ],
  ['nonce', 'freshness', { mode: 'required' }, [[null, 'both', true], '"iat" or "nonce"']],
  [
    'metadata',
    'url',
    {},
    [
      [
        undefined,
        null,
        '',
        'nowhere',
        '/.well-known/oauth-protected-resource',
        'http://api.example.com/m',
        'ftp://api.example.com/m',
        'javascript:alert(1)',
        'https://bücher.example/m',
        42,
      ],
      'the https URL',
    ],
  ],
  ['cache', 'maxKeys', {}, [[null, -1, 1.5, '10', NAN], 'an integer from 0']],
  ['cache', 'maxTokens', {}, [[null, -1, 1.5, '10', NAN], 'an integer from 0']],
  [
    'accessToken',
    'issuer',
    GOOD.accessToken,
    [
      [
        undefined,
        null,
        '',
        'auth.example.com',
        'http://auth.example.com',
        'http://localhost.example.com',
        'ftp://auth.example.com',
        // RFC 8414 §2: no query or fragment
        'https://auth.example.com?tenant=1',
        'https://auth.example.com#1',
        42,
        ['https://auth.example.com'],
      ],
      'the issuer exactly as in iss',
    ],
  ],
  [
    'accessToken',
    'audience',
    GOOD.accessToken,
    [[undefined, null, '', [], [''], ['a', 42], 42, {}], 'this service as named in aud'],
  ],
  [
    'accessToken',
    'jwksUri',
    GOOD.accessToken,
    [[null, '', '/jwks', 'http://auth.example.com/jwks', 'data:,{}', 42], 'the https URL of the key set'],
  ],
  [
    'accessToken',
    'keys',
    GOOD.accessToken,
    [
      [
        null,
        {},
        [],
        { keys: {} },
        { keys: [] },
        { keys: [null] },
        { keys: ['x'] },
        { keys: [{ kid: '1' }] },
        'x',
      ],
      'a JWK set of public keys',
    ],
  ],
  [
    'accessToken',
    'algorithms',
    GOOD.accessToken,
    [[null, [], 'ES256', ['none'], ['HS256'], ['ES256', 'HS512'], [42]], 'ES256'],
  ],
  ['accessToken', 'typ', GOOD.accessToken, [[null, '', [], [''], ['JWT', 42], 42], '"at+jwt" or "JWT"']],
  [
    'accessToken',
    'clockToleranceSeconds',
    GOOD.accessToken,
    [[null, -1, 0.5, '10', NAN, 601], 'an integer from 0 to 600'],
  ],
  [
    'accessToken',
    'keysMaxAgeSeconds',
    GOOD.accessToken,
    [[null, -1, 0.5, '10', 86_401], 'an integer from 0'],
  ],
  [
    'accessToken',
    'keysCooldownSeconds',
    GOOD.accessToken,
    [[null, -1, 0.5, '10', 86_401], 'an integer from 0'],
  ],
  [
    'accessToken',
    'fetchTimeoutMs',
    GOOD.accessToken,
    [[null, 0, -1, 0.5, '10', 60_001], 'an integer from 1'],
  ],
];

async function messageOf(attempt: () => Promise<unknown>): Promise<string> {
  const outcome: unknown = await attempt().catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(TypeError);
  return (outcome as TypeError).message;
}

/** In both ways in: given at once, and from a factory. */
const WAYS: readonly (readonly [string, (options: unknown) => Promise<unknown>])[] = [
  ['forRoot', async (options) => await start(forRoot(options))],
  ['forRootAsync', async (options) => await start(forRootAsync({ useFactory: () => options }))],
];

describe.each(WAYS)('misconfiguration at start, by %s', (way, startWith) => {
  test('what is right starts', async () => {
    await startWith(GOOD);
    await startWith({
      ...GOOD,
      origin: ['https://api.example.com/v1/', 'http://localhost:3000', 'http://127.0.0.1', 'http://[::1]:1'],
      accessToken: [
        GOOD.accessToken,
        { ...GOOD.accessToken, issuer: 'http://localhost:4000' },
        new OwnVerifier(),
      ],
      proof: { algorithms: ['ES256', 'PS256'], maxAgeSeconds: 1, futureToleranceSeconds: 0, maxBytes: 512 },
      nonce: { mode: 'required', secret: [secret32, randomBytes(32)], freshness: 'nonce' },
      metadata: { url: 'http://127.0.0.1:3000/.well-known/oauth-protected-resource' },
      cache: { maxKeys: 0, maxTokens: 0 },
      realm: 'a "realm" \\ of its own',
    });
    await startWith({ ...GOOD, allowInsecureHttp: true, origin: 'http://api.internal' });
  });

  const topLevel = Object.entries(TOP_LEVEL)
    .filter(([option]) => !(way === 'forRootAsync' && option === 'isGlobal'))
    .flatMap(([option, [values, accepted]]) => values.map((value) => [option, value, accepted] as const));

  test.each(topLevel)(
    '%s: %p is a TypeError that names it and the accepted form',
    async (option, value, accepted) => {
      const message = await messageOf(() => startWith({ ...GOOD, [option]: value }));
      expect(message).toMatch(new RegExp(`^${option}\\b`));
      expect(message).toContain(accepted);
    },
  );

  // The way in is the same for all of it: one way suffices for the long table.
  const table = way === 'forRoot' ? MEMBERS : MEMBERS.slice(0, 1);
  const members = table.flatMap(([option, member, inner, [values, accepted]]) =>
    values.map(
      (value) => [`${option}.${member}`, value, accepted, option, { ...inner, [member]: value }] as const,
    ),
  );

  test.each(members)('%s: %p is a TypeError that names it and the accepted form', async (...row) => {
    const [path, , accepted, option, value] = row;
    const message = await messageOf(() => startWith({ ...GOOD, [option]: value }));
    expect(message).toMatch(new RegExp(`^${path.replace('.', '\\.')} must be `));
    expect(message).toContain(accepted);
  });

  test('a member is asserted in each of several issuers', async () => {
    const accessToken = [GOOD.accessToken, { issuer: 'https://b.example.com', audience: '' }];
    expect(await messageOf(() => startWith({ ...GOOD, accessToken }))).toMatch(
      /^accessToken\[1\]\.audience must be /,
    );
  });

  const unknownNames = NESTED.flatMap(([option, inner, [values, known]]) =>
    values.map(
      (extra) =>
        [option, { ...inner, ...(extra as Untyped) }, Object.keys(extra as Untyped)[0], known] as const,
    ),
  );

  test.each(unknownNames)('%s: an unknown name is refused, and the known are told', async (...row) => {
    const [option, value, name, known] = row;
    const message = await messageOf(() => startWith({ ...GOOD, [option]: value }));
    expect(message).toMatch(new RegExp(`^${option} has no option "${name}"`));
    expect(message).toContain(known);
  });

  test.each(['orgin', 'nonces', 'audience', 'constructor'])(
    'an unknown name, %s, is refused',
    async (name) => {
      const message = await messageOf(() => startWith({ ...GOOD, [name]: 'x' }));
      expect(message).toContain(`has no option "${name}"; known: `);
      expect(message).toContain('origin');
    },
  );

  test.each([[undefined], [null], ['options'], [42], [[]]])(
    '%p in the place of the options',
    async (options) => {
      expect(await messageOf(() => startWith(options))).toMatch(/DpopModule.* must be .*object/);
    },
  );

  test('accessToken: two issuers of one name, or two verifiers of the app', async () => {
    const twice = { ...GOOD, accessToken: [GOOD.accessToken, { ...GOOD.accessToken, audience: 'b' }] };
    expect(await messageOf(() => startWith(twice))).toMatch(/^accessToken must be .*each issuer once/);
    const verifiers = { ...GOOD, accessToken: [new OwnVerifier(), new OwnVerifier()] };
    expect(await messageOf(() => startWith(verifiers))).toMatch(/^accessToken must be .*at most one/);
  });

  test('accessToken.keys beside accessToken.jwksUri: which of them should it be', async () => {
    const { publicKey } = await generateKeyPair('ES256', { extractable: true });
    const accessToken = {
      ...GOOD.accessToken,
      jwksUri: 'https://auth.example.com/jwks',
      keys: { keys: [await exportJWK(publicKey)] },
    };
    expect(await messageOf(() => startWith({ ...GOOD, accessToken }))).toMatch(
      /^accessToken\.keys must be left out/,
    );
  });

  test('C7 accessToken.keys: a private or symmetric key does not belong there, and is not quoted', async () => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const privateJwk = await exportJWK(privateKey);
    const symmetric: JWK = { kty: 'oct', k: secret32 };
    for (const key of [privateJwk, symmetric]) {
      const message = await messageOf(() =>
        startWith({ ...GOOD, accessToken: { ...GOOD.accessToken, keys: { keys: [key] } } }),
      );
      expect(message).toMatch(/^accessToken\.keys must be .*public/);
      expect(message).not.toContain(key.d ?? key.k);
    }
  });

  test('E5 nonce.secret that is too short is not quoted', async () => {
    const message = await messageOf(() =>
      startWith({ ...GOOD, nonce: { mode: 'required', secret: secret31 } }),
    );
    expect(message).not.toContain(secret31);
  });
});

describe('I4 an error of an option shows the value and the way out', () => {
  const shown: readonly (readonly [string, Untyped, string, string])[] = [
    ['origin', { origin: 'http://api.example.com' }, '"http://api.example.com"', 'allowInsecureHttp: true'],
    [
      'origin',
      { origin: [ORIGIN_WITH_QUERY] },
      '"https://api.example.com/?x=y"',
      'without query or fragment',
    ],
    ['origin', { origin: 42 }, '42', 'an array of those, "request" or a function'],
    ['allowInsecureHttp', { allowInsecureHttp: 'yes' }, '"yes"', 'true or false'],
    ['maxTokenBytes', { maxTokenBytes: 12 }, '12', 'from 256 to 65536'],
    ['bearer', { bearer: 'allow' }, '"allow"', '"allow-unbound"'],
    ['onReplayStoreFailure', { onReplayStoreFailure: 'accept' }, '"accept"', '"accept-and-report"'],
    ['unguardedRoutes', { unguardedRoutes: 'ignore' }, '"ignore"', '"error" or "warn"'],
    ['realm', { realm: 'büro' }, '"büro"', 'printable ASCII'],
    ['clock', { clock: 1_700_000_000 }, '1700000000', 'such as Date.now'],
    ['isGlobal', { isGlobal: 'no' }, '"no"', 'true or false'],
    ['proof', { proof: 'strict' }, 'a string', 'an object'],
    ['proof.maxAgeSeconds', { proof: { maxAgeSeconds: '60' } }, '"60"', 'an integer from 1 to 3600'],
    ['proof.algorithms', { proof: { algorithms: ['ES256', 'HS256'] } }, "[ 'HS256' ]", 'ES256'],
    ['nonce', { nonce: 'optional' }, '"optional"', '"off" or "required"'],
    ['nonce.lifetimeSeconds', { nonce: { mode: 'off', lifetimeSeconds: 0 } }, '0', 'from 1 to 3600'],
    [
      'metadata.url',
      { metadata: { url: 'http://x.example' } },
      '"http://x.example"',
      'allowInsecureHttp: true',
    ],
    ['cache.maxKeys', { cache: { maxKeys: 1.5 } }, '1.5', 'an integer from 0'],
    ['storage', { storage: 'redis' }, 'a string', 'the RedisStorage of nestjs-dpop/redis'],
  ];

  test.each(shown)('%s: %p', async (option, values, value, wayOut) => {
    const message = await messageOf(async () => await start(forRoot({ ...GOOD, ...values })));
    expect(message).toMatch(new RegExp(`^${option.replace('.', '\\.')} must be `));
    expect(message).toContain(`; it is ${value}`);
    expect(message).toContain(wayOut);
  });

  test('storage: what it lacks is named', async () => {
    const storage = { replayStore: { claim: () => 'first' }, nonceSecrets: {}, open: 1 };
    expect(await messageOf(async () => await start(forRoot({ ...GOOD, storage })))).toMatch(
      /this one lacks the method replayStore\.epochOf, the method nonceSecrets\.secrets, the method open, shared, true or false$/,
    );
  });

  const secrets: readonly (readonly [string, Untyped])[] = [
    ['nonce.secret', { nonce: { mode: 'required', secret: secret31 } }],
    ['nonce.secret', { nonce: { mode: 'required', secret: [secret32, secret31] } }],
    ['nonce.secret', { nonce: { mode: 'required', secret: { of: secret31 } } }],
    ['nonce', { nonce: secret31 }],
    ['nonce', { nonce: [secret31] }],
    ['storage', { storage: `redis://user:${secret31}@redis.example` }],
    ['storage', { storage: [secret31] }],
    ['origin', { origin: `https://user:${secret31}@api.example.com` }],
    ['metadata.url', { metadata: { url: `ftp://${secret31}@api.example.com` } }],
  ];

  test.each(secrets)('%s: what may be a secret is not shown', async (option, values) => {
    const message = await messageOf(async () => await start(forRoot({ ...GOOD, ...values })));
    expect(message).toMatch(new RegExp(`^${option.replace('.', '\\.')} must be `));
    expect(message).not.toContain(secret31);
  });

  test('a long value is cut to length', async () => {
    const message = await messageOf(
      async () => await start(forRoot({ ...GOOD, origin: 'x'.repeat(10_000) })),
    );
    expect(message.length).toBeLessThan(500);
  });

  test.each([
    [RequireScopes, ['two words'], "[ 'two words' ]"],
    [Dpop, [{ nonce: 'optional' }], '"optional"'],
    [RequireAuthentication, [{ acrValues: 'phr' }], '"phr"'],
    [RequireAuthentication, [{ maxAgeSeconds: -1 }], '-1'],
  ] as const)('%p of %p', (decorator, values, shownValue) => {
    const decorate = (): unknown =>
      (decorator as (...given: unknown[]) => ClassDecorator)(...values)(class Target {});
    expect(decorate).toThrow(`; it is ${shownValue}`);
  });
});

describe('the ways in', () => {
  test('forRoot() without options', () => {
    expect(() => forRoot()).toThrow(TypeError);
    expect(() => forRoot()).toThrow(/DpopModule.* must be .*object/);
  });

  test.each([
    [undefined],
    [null],
    [{}],
    [{ useFactroy: () => GOOD }],
    [{ useFactory: () => GOOD, useClass: class Factory {} }],
    [{ inject: [] }],
    [{ useFactory: undefined }],
  ])('forRootAsync(%p) names the ways there are', async (options) => {
    const message = await messageOf(async () => await start(forRootAsync(options)));
    expect(message).toContain('forRootAsync');
    expect(message).toContain('useFactory');
  });

  test.each([['useFactory'], ['useClass']])('forRootAsync: %s that cannot be called', async (way) => {
    const message = await messageOf(async () => await start(forRootAsync({ [way]: 'Factory' })));
    expect(message).toBe(`DpopModule.forRootAsync() ${way} must be a function or a class`);
  });

  test('isGlobal from a factory comes too late, and is refused', async () => {
    const module = forRootAsync({ useFactory: () => ({ ...GOOD, isGlobal: false }) });
    expect(await messageOf(() => start(module))).toMatch(/^isGlobal /);
  });

  test('a factory that throws keeps the app from starting', async () => {
    const module = forRootAsync({ useFactory: () => Promise.reject(new Error('no settings')) });
    await expect(start(module)).rejects.toThrow('no settings');
  });

  test('a class without createDpopOptions does not start', async () => {
    await expect(start(forRootAsync({ useClass: class Factory {} }))).rejects.toThrow(/is not a function/);
  });

  test('the bare module does not start', async () => {
    await expect(start(DpopModule)).rejects.toThrow(/DPOP_MODULE_OPTIONS/);
  });
});

describe('misuse of decorators is a TypeError where they stand', () => {
  const untyped = (decorator: (...values: never[]) => unknown, ...values: unknown[]): unknown =>
    (decorator as (...given: unknown[]) => unknown)(...values);

  const misuses: readonly (readonly [string, (...values: never[]) => unknown, readonly unknown[], RegExp])[] =
    [
      ['@Dpop(null)', Dpop, [null], /@Dpop\(\) must be an object/],
      ["@Dpop('required')", Dpop, ['required'], /@Dpop\(\) must be an object/],
      [
        'an unknown name',
        Dpop,
        [{ nonces: 'off' }],
        /@Dpop\(\) has no option "nonces"; known: nonce, bearer/,
      ],
      ['scopes in the wrong place', Dpop, [{ scopes: ['a'] }], /@Dpop\(\) has no option "scopes"/],
      ['an optional nonce', Dpop, [{ nonce: 'optional' }], /@Dpop\(\) nonce must be "off" or "required"/],
      ['nonce null', Dpop, [{ nonce: null }], /@Dpop\(\) nonce must be "off" or "required"/],
      ['bearer true', Dpop, [{ bearer: true }], /@Dpop\(\) bearer must be "reject" or "allow-unbound"/],
      ['no scope', RequireScopes, [], /@RequireScopes\(\) must be given one or more scopes/],
      ['an empty scope', RequireScopes, ['a', ''], /@RequireScopes\(\)/],
      ['two scopes in one', RequireScopes, ['a b'], /@RequireScopes\(\)/],
      ['a quote', RequireScopes, ['a"b'], /@RequireScopes\(\)/],
      ['an array', RequireScopes, [['a']], /@RequireScopes\(\)/],
      ['a scope beyond ASCII', RequireScopes, ['büro'], /@RequireScopes\(\)/],
      ['no demand', RequireAuthentication, [], /@RequireAuthentication\(\) must be an object/],
      ['an empty demand', RequireAuthentication, [{}], /@RequireAuthentication\(\) must be given acrValues/],
      [
        'an unknown name',
        RequireAuthentication,
        [{ maxAge: 1 }],
        /@RequireAuthentication\(\) has no option "maxAge"/,
      ],
      ['acrValues as a string', RequireAuthentication, [{ acrValues: 'phr' }], /acrValues must be an array/],
      ['no acrValues', RequireAuthentication, [{ acrValues: [] }], /acrValues must be an array/],
      ['a number in acrValues', RequireAuthentication, [{ acrValues: [1] }], /acrValues must be an array/],
      [
        'white space in acrValues',
        RequireAuthentication,
        [{ acrValues: ['a b'] }],
        /acrValues must be an array/,
      ],
      ['a negative age', RequireAuthentication, [{ maxAgeSeconds: -1 }], /maxAgeSeconds must be an integer/],
      [
        'an age in a string',
        RequireAuthentication,
        [{ maxAgeSeconds: '300' }],
        /maxAgeSeconds must be an integer/,
      ],
      ['a part that no verdict has', DpopBound, ['jtk'], /@DpopBound\(\) must be .*"jkt"/],
      ['a part from the prototype', DpopBound, ['constructor'], /@DpopBound\(\) must be .*"jkt"/],
    ];

  test.each(misuses)('%s: %p', (_name, decorator, values, message) => {
    const decorate = (): void => {
      const applied = untyped(decorator, ...values) as (target: object, key?: string, index?: number) => void;
      applied(class Target {}, 'constructor', 0);
    };
    expect(decorate).toThrow(TypeError);
    expect(decorate).toThrow(message);
  });
});

describe('E1 what is left undefined is as the service has it', () => {
  let issuer: TestIssuer;
  let client: TestClient;

  beforeAll(async () => {
    issuer = await TestIssuer.create();
    client = await TestClient.create();
  });

  afterEach(closeApps);

  @Controller()
  @UseGuards(DpopGuard)
  class UndecidedController {
    // As untyped code, or TypeScript without exactOptionalPropertyTypes, may say it.
    @((Dpop as (policy: object) => MethodDecorator)({ nonce: undefined, bearer: undefined }))
    @Get()
    read(): string {
      return 'read';
    }
  }

  test('in @Dpop and for DpopVerifier.verify: a service that requires nonces still does', async () => {
    @Module({
      imports: [DpopModule.forRoot({ ...GOOD, accessToken: issuer.accessToken, nonce: 'required' })],
      controllers: [UndecidedController],
    })
    class AppModule {}

    const app = await startApp('express', AppModule);
    const token = await issuer.issueToken({ client });
    expect(await call(app, client, { token })).toMatchObject({ status: 401, code: 'use_dpop_nonce' });

    const proof = await proofFor(client, { token });
    const request = {
      method: 'GET',
      target: '/',
      rawHeaders: ['authorization', `DPoP ${token}`, 'dpop', proof],
    };
    const policy = { nonce: undefined } as object;
    const verifier = app.nest.get(DpopVerifier);
    await expect(verifier.verify(request, policy)).rejects.toMatchObject({ reason: 'nonce_missing' });
  });
});
