import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { type AccessTokenClaims, AccessTokenVerifier, DpopModule, fapi2 } from 'nestjs-dpop';
import { introspection, type IntrospectionOptions } from 'nestjs-dpop/introspection';
import { withOrigin } from './support/origin.js';
import { createRootModule } from './support/root-module.js';
import { startFailureOf } from './support/start-failure.js';

const GOOD: IntrospectionOptions = {
  accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
  client: { id: 'api', secret: 'a secret' },
};
type Untyped = Readonly<Record<string, unknown>>;

function messageOf(options: unknown): string {
  try {
    introspection(options as IntrospectionOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'accepted';
}

const pemOf = (key: { privateKey: { export(options: object): string | Buffer } }) =>
  key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('the options of introspection (I4)', () => {
  const invalid: readonly (readonly [string, Untyped, string])[] = [
    ['introspection.accessToken', { accessToken: undefined }, 'audience: "https://api.example.com" }'],
    [
      'introspection.accessToken.audience',
      { accessToken: { issuer: 'https://auth.example.com' } },
      'this service as named in aud',
    ],
    [
      'introspection.accessToken.issuer',
      { accessToken: { ...GOOD.accessToken, issuer: 'http://auth.example.com' } },
      'allowInsecureHttp: true',
    ],
    ['introspection.endpoint', { endpoint: 'http://auth.example.com/i' }, 'allowInsecureEndpoint: true'],
    ['introspection.endpoint', { endpoint: 42 }, 'the https URL of the introspection endpoint'],
    ['introspection.endpoint', { endpoint: 'https://user:pass@auth.example.com' }, 'userinfo'],
    ['introspection.allowInsecureEndpoint', { allowInsecureEndpoint: true }, 'left out without endpoint'],
    [
      'introspection.allowInsecureEndpoint',
      { allowInsecureEndpoint: 1, endpoint: 'https://x' },
      'true or false',
    ],
    ['introspection.allowInsecureHttp', { allowInsecureHttp: 'yes' }, 'true or false'],
    ['introspection.signedResponses', { signedResponses: 'yes' }, 'true or false'],
    ['introspection.verifySignature', { verifySignature: null }, 'true or false'],
    ['introspection.opaqueTokens', { opaqueTokens: 0 }, 'true or false'],
    [
      'introspection.opaqueTokens',
      { opaqueTokens: true, verifySignature: true },
      'left out with verifySignature',
    ],
    ['introspection.absentAudience', { absentAudience: true }, '"refuse" or "accept"'],
    ['introspection.cacheSeconds', { cacheSeconds: 3601 }, 'from 0 to 3600'],
    ['introspection.cacheSeconds', { cacheSeconds: 0.5 }, 'from 0 to 3600'],
    ['introspection.maxCachedTokens', { maxCachedTokens: -1 }, 'an integer from 0'],
    ['introspection.timeoutMs', { timeoutMs: 0 }, 'from 1 to 60000'],
    ['introspection.clock', { clock: 42 }, 'milliseconds'],
    ['introspection.client', { client: undefined }, '{ id, secret } or { id, privateKey }'],
    ['introspection.client', { client: { id: 'api' } }, '{ id, secret } or { id, privateKey }'],
    ['introspection.client.id', { client: { id: '', secret: 'x' } }, 'the client_id'],
    [
      'introspection.client.method',
      { client: { id: 'api', secret: 'x', method: 'none' } },
      'client_secret_post',
    ],
    [
      'introspection.client.kid',
      { client: { id: 'api', secret: 'x', kid: 'k' } },
      'left out without privateKey',
    ],
  ];

  test.each(invalid)('%s: %j', (option, changes, form) => {
    expect(messageOf(GOOD)).toBe('accepted');
    const message = messageOf({ ...GOOD, ...changes });
    expect(message.startsWith(`${option} must be `)).toBe(true);
    expect(message).toContain(form);
  });

  test.each([undefined, null, 'x', []])('%j are no options', (options) => {
    expect(messageOf(options)).toMatch(/^introspection\(\) must be given an object/);
  });

  test('an unknown name is named', () => {
    expect(messageOf({ ...GOOD, cacheSecond: 1 })).toMatch(/^introspection\(\) has no option "cacheSecond"/);
    const client = { ...GOOD.client, password: 'hidden' };
    expect(messageOf({ ...GOOD, client })).toMatch(/^introspection\.client has no option "password"/);
  });

  test('neither secret nor key is shown', () => {
    const hidden = 'hidden-'.repeat(5);
    const clients: readonly unknown[] = [
      hidden,
      [hidden],
      { id: 'api', secret: { of: hidden } },
      { id: 'api', secret: [hidden] },
      { id: 'api', secret: hidden, privateKey: hidden },
      { id: 'api', secret: hidden, method: 'other' },
      { id: 'api', secret: hidden, password: hidden },
      { id: 'api', privateKey: hidden },
      { id: 'api', privateKey: { kty: 'EC', d: hidden } },
      { id: 'api', privateKey: { kty: 'oct', k: hidden } },
      { id: '', secret: hidden },
    ];
    for (const client of clients) {
      const message = messageOf({ ...GOOD, client });
      expect(message).toMatch(/^introspection\.client/);
      expect(message).not.toContain('hidden');
    }
  });

  test('private keys: which are accepted', async () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signing = await generateKeyPair('ES256');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const withKey = (client: object) => messageOf({ ...GOOD, client: { id: 'api', ...client } });
    expect(withKey({ privateKey: pemOf(ec) })).toBe('accepted');
    expect(withKey({ privateKey: pemOf(rsa), algorithm: 'PS256' })).toBe('accepted');
    expect(withKey({ privateKey: pemOf(generateKeyPairSync('ed25519')), algorithm: 'EdDSA' })).toBe(
      'accepted',
    );
    expect(withKey({ privateKey: signing.privateKey, kid: 'k' })).toBe('accepted');
    expect(withKey({ privateKey: signing.publicKey })).toContain('a private key for signatures');
    expect(withKey({ privateKey: signing.privateKey, algorithm: 'ES256' })).toContain(
      'left out for a CryptoKey',
    );
    expect(withKey({ privateKey: pemOf(ec), algorithm: 'RS256' })).toContain('one of ES256 for this key');
    expect(withKey({ privateKey: pemOf(ec), kid: 42 })).toContain(
      'introspection.client.kid must be a string',
    );
    expect(withKey({ privateKey: pemOf(ec), method: 'client_secret_post' })).toContain(
      'left out without secret',
    );
    for (const unusable of [
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('x25519'),
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
    ])
      expect(withKey({ privateKey: pemOf(unusable) })).toContain('a private key for signatures');
  });
});

describe('fapi2 limits introspection (C5, I4)', () => {
  const issuer = GOOD.accessToken;

  function limitedMessageOf(changes: Partial<IntrospectionOptions>): string {
    const accessToken = introspection({ ...GOOD, ...changes });
    try {
      fapi2({ origin: 'https://api.example.com', accessToken });
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return (error as TypeError).message;
    }
    return 'accepted';
  }

  test('where a signature is verified, by default too', () => {
    const narrow = { ...issuer, algorithms: ['PS256', 'ES256'] };
    const wide = { ...issuer, algorithms: ['RS256'] };
    expect(limitedMessageOf({})).toBe('accepted');
    expect(limitedMessageOf({ accessToken: wide })).toBe('accepted');
    for (const signed of [{ verifySignature: true }, { signedResponses: true }]) {
      expect(limitedMessageOf({ ...signed, accessToken: narrow })).toBe('accepted');
      for (const accessToken of [issuer, wide]) {
        expect(limitedMessageOf({ ...signed, accessToken })).toMatch(
          /^fapi2\(\) accessToken must be a verifier of PS256, ES256, .* only: set algorithms/,
        );
      }
    }
  });

  test('in its clock tolerance', () => {
    const withTolerance = (clockToleranceSeconds: number) =>
      limitedMessageOf({ accessToken: { ...issuer, clockToleranceSeconds } });
    expect(withTolerance(60)).toBe('accepted');
    for (const seconds of [0, 600]) expect(withTolerance(seconds)).toContain('from 10 to 60');
  });

  test.each<readonly [string, Partial<IntrospectionOptions>]>([
    ['allowInsecureHttp', { allowInsecureHttp: true }],
    ['allowInsecureEndpoint', { endpoint: 'http://auth/i', allowInsecureEndpoint: true }],
    [
      'accessToken.allowInsecureJwksUri',
      { accessToken: { ...issuer, jwksUri: 'http://auth/jwks', allowInsecureJwksUri: true } },
    ],
  ])('to no plain http: %s', (name, changes) => {
    expect(limitedMessageOf(changes)).toBe(
      `fapi2() accessToken must be a verifier without ${name}: FAPI 2.0 requires TLS`,
    );
  });
});

describe('which verifier takes which tokens (B6, I4)', () => {
  const other = { issuer: 'https://login.example.net', audience: 'https://api.example.com' };
  const failure = (accessToken: readonly unknown[]) =>
    startFailureOf(
      'express',
      createRootModule({ dpop: DpopModule.forRoot(withOrigin({ accessToken: accessToken as never })) }),
    );

  class OwnVerifier extends AccessTokenVerifier {
    override verify(): AccessTokenClaims {
      return {};
    }
  }

  class NamelessVerifier extends OwnVerifier {
    override readonly issuer = '';
  }

  test('one at most takes tokens that name no issuer', async () => {
    const two = [introspection(GOOD), introspection({ ...GOOD, accessToken: other })];
    expect(await failure(two)).toMatch(/^accessToken must be .*at most one .*opaqueTokens: false/);
    expect(await failure([introspection(GOOD), new OwnVerifier()])).toMatch(/at most one/);
  });

  test('each issuer is listed once', async () => {
    for (const both of [
      [GOOD.accessToken, introspection(GOOD)],
      [introspection(GOOD), GOOD.accessToken],
    ]) {
      expect(await failure(both)).toMatch(
        /each issuer once: accessToken\[1\]\.issuer repeats an issuer; use introspection alone; it takes the JWTs of the issuer, too/,
      );
    }
    expect(await failure([GOOD.accessToken, GOOD.accessToken])).toMatch(/each issuer once: .* array/);
    const second = introspection({ ...GOOD, verifySignature: true });
    expect(await failure([introspection(GOOD), second])).toMatch(/each issuer once/);
  });

  test('an issuer has a name', async () => {
    expect(await failure([new NamelessVerifier()])).toMatch(/^accessToken\[0\]\.issuer must be /);
  });
});
