import { createSign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { RefusalDetails } from '../errors/dpop.error.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { TestIssuer, type TestTokenOptions } from '../testing/index.js';
import { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';

const NOW_SECONDS = 1_800_000_000;
const clock = () => NOW_SECONDS * 1000;

type Refusal = readonly [reason: string, details: RefusalDetails];

async function outcomeOf(
  options: JwtAccessTokenOptions,
  token: string,
): Promise<'accepted' | { readonly reason: string; readonly details: RefusalDetails }> {
  return await new JwtAccessTokenVerifier(options, clock).verify(token).then(
    () => 'accepted' as const,
    ({ reason, details }: { readonly reason: string; readonly details: RefusalDetails }) => ({
      reason,
      details,
    }),
  );
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

describe('the detail says what is wrong with a token (D9)', () => {
  let issuer: TestIssuer;

  beforeAll(async () => {
    issuer = await TestIssuer.create({ clock });
  });

  const claims = (changes: Record<string, unknown>): TestTokenOptions => ({ claims: changes });
  const header = (changes: Record<string, unknown>): TestTokenOptions => ({ header: changes });
  const invalid = (detail: RefusalDetails['detail']): Refusal => [
    'token_invalid',
    { detail } as RefusalDetails,
  ];

  const signed: readonly (readonly [string, TestTokenOptions, Refusal])[] = [
    ['exp missing', claims({ exp: undefined }), invalid('exp')],
    ['exp a string', claims({ exp: '1' }), invalid('exp')],
    ['nbf a string', claims({ nbf: '1' }), invalid('nbf')],
    ['iat null', claims({ iat: null }), invalid('iat')],
    ['kid unknown', header({ kid: 'unknown' }), invalid('kid')],
    ['iss of another', claims({ iss: 'https://x' }), ['token_issuer', { expected: ['https://issuer.test'] }]],
    ['aud of another', claims({ aud: 'https://x' }), ['token_audience', { expected: ['https://api.test'] }]],
    ['typ of another', header({ typ: 'JWT' }), ['token_type', { expected: ['at+jwt'] }]],
    ['typ missing', header({ typ: undefined }), ['token_type', { expected: ['at+jwt'] }]],
    ['expired', claims({ exp: NOW_SECONDS - 15 }), ['token_expired', { offBySeconds: 5 }]],
    [
      'not valid yet',
      claims({ nbf: NOW_SECONDS + 15 }),
      ['token_not_yet_valid', { detail: 'nbf', offBySeconds: 5 }],
    ],
    [
      'issued in the future',
      claims({ iat: NOW_SECONDS + 12.5 }),
      ['token_not_yet_valid', { detail: 'iat', offBySeconds: 3 }],
    ],
  ];

  test('a right one is accepted', async () => {
    expect(await outcomeOf(issuer.accessToken, await issuer.issueToken())).toBe('accepted');
  });

  test('a claim that the options require is missing', async () => {
    const options = { ...issuer.accessToken, requiredClaims: ['client_id', 'jti'] } as const;
    const token = await issuer.issueToken(claims({ jti: undefined }));
    expect(await outcomeOf(issuer.accessToken, token)).toBe('accepted');
    expect(await outcomeOf(options, token)).toMatchObject({
      reason: 'token_invalid',
      details: { detail: 'jti' },
    });
  });

  test.each(signed)('%s', async (_what, options, [reason, details]) => {
    expect(await outcomeOf(issuer.accessToken, await issuer.issueToken(options))).toEqual({
      reason,
      details,
    });
  });

  test('the form of the token, its algorithm, its extensions and its signature', async () => {
    const token = await issuer.issueToken();
    const [head = '', payload = '', signature = ''] = token.split('.');
    const known = JSON.parse(Buffer.from(head, 'base64url').toString()) as object;
    const withHeader = (changes: object) => `${encode({ ...known, ...changes })}.${payload}.${signature}`;
    const cases: readonly (readonly [string, RefusalDetails['detail']])[] = [
      [`${head}.${payload}`, 'segments'],
      [`${token}.x`, 'segments'],
      [`${encode('no JSON')}.${payload}.${signature}`, 'header'],
      [`${head}.${encode('[]')}.${signature}`, 'payload'],
      [withHeader({ alg: 'none' }), 'alg'],
      [withHeader({ crit: ['b64'] }), 'crit'],
      [withHeader({ alg: 'PS256', kid: undefined }), 'key'],
      [withHeader({ x: 1 }), 'signature'],
    ];
    for (const [presented, detail] of cases) {
      expect(await outcomeOf(issuer.accessToken, presented)).toMatchObject({
        reason: 'token_invalid',
        details: { detail },
      });
    }
  });

  test('a token without kid that two of several keys do not verify', async () => {
    const { keys, accessToken } = await TestIssuer.create({ clock });
    const others = await Promise.all([1, 2, 3].map(() => TestIssuer.create({ clock })));
    const all = { keys: [...keys.keys, ...others.flatMap((other) => other.keys.keys)] };
    const forged = await issuer.issueToken({ header: { kid: undefined } });
    expect(await outcomeOf({ ...accessToken, keys: all }, forged)).toEqual({
      reason: 'token_invalid',
      details: { detail: 'kid' },
    });
  });
});

describe('header types that are accepted (B1)', () => {
  const all = ['at+jwt', 'application/AT+JWT', 'JWT', 'absent', '', null, 42, undefined] as const;

  test.each([
    [undefined, ['at+jwt', 'application/AT+JWT']],
    ['absent', [undefined]],
    [['absent'], [undefined]],
    [
      ['at+jwt', 'absent'],
      ['at+jwt', 'application/AT+JWT', undefined],
    ],
    [
      ['JWT', 'absent'],
      ['JWT', undefined],
    ],
    ['any', all],
    [['JWT', 'any'], all],
  ])('by typ: %j', async (typ, accepted) => {
    const issuer = await TestIssuer.create({ clock });
    const options = { ...issuer.accessToken, ...(typ !== undefined && { typ }) };
    for (const value of all) {
      const outcome = await outcomeOf(options, await issuer.issueToken({ header: { typ: value } }));
      if ((accepted as readonly unknown[]).includes(value)) expect(outcome).toBe('accepted');
      else expect(outcome).toMatchObject({ reason: 'token_type' });
    }
  });

  test('absent is among the expected types (D9)', async () => {
    const issuer = await TestIssuer.create({ clock });
    const options = { ...issuer.accessToken, typ: ['at+jwt', 'absent'] };
    expect(await outcomeOf(options, await issuer.issueToken({ header: { typ: 'JWT' } }))).toMatchObject({
      details: { expected: ['at+jwt', 'absent'] },
    });
  });
});

describe('RSA keys of an issuer (B1)', () => {
  /** By Node, since jose signs with no small key. */
  async function signWithModulus(modulusLength: number, members: object) {
    const { publicKey, privateKey } = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        modulusLength,
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: 'SHA-256',
      },
      true,
      ['sign', 'verify'],
    );
    const pem = Buffer.from(await crypto.subtle.exportKey('pkcs8', privateKey)).toString('base64');
    const claims = { iss: 'https://issuer.test', aud: 'https://api.test', exp: NOW_SECONDS + 60 };
    const input = `${encode({ alg: 'RS256', typ: 'at+jwt', ...members })}.${encode(claims)}`;
    const signature = createSign('sha256')
      .update(input)
      .sign(`-----BEGIN PRIVATE KEY-----\n${pem}\n-----END PRIVATE KEY-----`, 'base64url');
    const jwk: JWK = { ...(await exportJWK(publicKey)), ...members };
    return { token: `${input}.${signature}`, jwk };
  }

  const optionsWith = (keys: JWK[]) => ({
    issuer: 'https://issuer.test',
    audience: 'https://api.test',
    keys: { keys },
  });

  test.each([2048, 3072])('of %i bits are used', async (bits) => {
    const { token, jwk } = await signWithModulus(bits, { kid: 'rsa' });
    expect(await outcomeOf(optionsWith([jwk]), token)).toBe('accepted');
  });

  test.each([1024, 1536, 2040])('of %i bits are not, with kid and without', async (bits) => {
    for (const members of [{ kid: 'rsa' }, {}]) {
      const { token, jwk } = await signWithModulus(bits, members);
      expect(await outcomeOf(optionsWith([jwk]), token)).toEqual({
        reason: 'token_invalid',
        details: { detail: 'key' },
      });
    }
  });

  test('a small one beside a large one is not used either', async () => {
    const [small, large] = [await signWithModulus(1024, {}), await signWithModulus(2048, {})];
    const options = optionsWith([small.jwk, large.jwk]);
    expect(await outcomeOf(options, large.token)).toBe('accepted');
    expect(await outcomeOf(options, small.token)).toMatchObject({ reason: 'token_invalid' });
  });
});

test('keys of every algorithm verify (B1)', async () => {
  for (const algorithm of ['ES256', 'ES384', 'ES512', 'PS256', 'RS512', 'Ed25519']) {
    const issuer = await TestIssuer.create({ algorithm, clock });
    expect(await outcomeOf(issuer.accessToken, await issuer.issueToken())).toBe('accepted');
    const { publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const foreign = { ...(await exportJWK(publicKey)), kid: issuer.keys.keys[0]?.kid ?? '' };
    const options = { ...issuer.accessToken, keys: { keys: [foreign] } };
    expect(await outcomeOf(options, await issuer.issueToken())).toMatchObject({
      details: { detail: 'signature' },
    });
  }
});

describe('EdDSA and Ed25519 are one algorithm of issuers, too (C5)', () => {
  test.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
    ['EdDSA', 'EdDSA'],
    ['Ed25519', undefined],
  ])('a token of %s, a key of %s', async (alg, keyAlg) => {
    const issuer = await TestIssuer.create({ algorithm: 'Ed25519', clock });
    const keys = issuer.keys.keys.map((key) => ({
      ...key,
      ...(keyAlg === undefined ? {} : { alg: keyAlg }),
    }));
    const token = await issuer.issueToken({ header: { alg } });
    expect(await outcomeOf({ ...issuer.accessToken, keys: { keys } }, token)).toBe('accepted');
  });

  test('and a key for another algorithm does not match the token', async () => {
    const issuer = await TestIssuer.create({ algorithm: 'Ed25519', clock });
    const keys = issuer.keys.keys.map((key) => ({ ...key, alg: 'ES256' }));
    const token = await issuer.issueToken();
    expect(await outcomeOf({ ...issuer.accessToken, keys: { keys } }, token)).toEqual({
      reason: 'token_invalid',
      details: { detail: 'kid' },
    });
  });
});

test('a shutdown ends the fetch of keys, without a warning (B1)', async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = once(server, 'request');
  try {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { issuer: origin, audience: 'a', jwksUri: `${origin}/keys` };
    const verifier = new JwtAccessTokenVerifier(options, clock);
    const warnings: string[] = [];
    const opened = verifier.open((text) => warnings.push(text));
    await asked;
    verifier.close();
    await opened;
    expect(warnings).toStrictEqual([]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
