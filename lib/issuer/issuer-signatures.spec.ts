import { beforeAll, describe, expect, test } from '@jest/globals';
import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose';
import { parseCompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { IssuerSignatures } from './issuer-signatures.js';
import type { JwtAccessTokenOptions } from './jwt-access-token-options.js';

const ISSUER = 'https://auth.test';
type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

let pairs: KeyPair[];
let jwks: JWK[];

beforeAll(async () => {
  pairs = await Promise.all([1, 2, 3, 4].map(() => generateKeyPair('ES256')));
  jwks = await Promise.all(pairs.map(({ publicKey }) => exportJWK(publicKey)));
});

async function sign(signer: number, header: JsonObject = {}): Promise<string> {
  const pair = pairs[signer];
  if (pair === undefined) throw new Error('no such key');
  return new CompactSign(Buffer.from('{}'))
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(pair.privateKey);
}

const signaturesOf = (keys: readonly JWK[], changes: Partial<JwtAccessTokenOptions> = {}): IssuerSignatures =>
  new IssuerSignatures(
    { issuer: ISSUER, audience: 'api', keys: { keys: keys.map((key) => ({ ...key })) }, ...changes },
    Date.now,
  );

/** What is wrong with a signature; `undefined` if nothing is. */
async function refusalOf(
  signatures: IssuerSignatures,
  token: string,
  changes: JsonObject = {},
): Promise<unknown> {
  const jws = parseCompactJws(token);
  if (jws === undefined) throw new Error('no JWS');
  try {
    await signatures.assertSigned(jws, { ...parseJsonSegment(jws.header), ...changes }, undefined);
  } catch (error) {
    const { reason, details } = error as { readonly reason: unknown; readonly details: object };
    return { reason, ...details };
  }
  return undefined;
}

const invalid = (detail: string) => ({ reason: 'token_invalid', detail });

describe('the signature of an issuer (B1)', () => {
  test('is that of one of its keys', async () => {
    const [first = {}, second = {}] = jwks;
    const signatures = signaturesOf([
      { ...first, kid: 'a' },
      { ...second, kid: 'b' },
    ]);
    expect(await refusalOf(signatures, await sign(0, { kid: 'a' }))).toBeUndefined();
    expect(await refusalOf(signatures, await sign(1))).toBeUndefined();
    expect(await refusalOf(signatures, await sign(1, { kid: 'a' }))).toEqual(invalid('signature'));
    expect(await refusalOf(signatures, await sign(2))).toEqual(invalid('signature'));
    expect(await refusalOf(signatures, await sign(0, { kid: 'c' }))).toEqual(invalid('kid'));
  });

  test('is of an accepted algorithm', async () => {
    const [first = {}] = jwks;
    const token = await sign(0);
    const expected = ['PS256'];
    expect(await refusalOf(signaturesOf([first], { algorithms: expected }), token)).toEqual({
      ...invalid('alg'),
      expected,
    });
    for (const alg of [undefined, 7, 'none', 'HS256'])
      expect(await refusalOf(signaturesOf([first]), token, { alg })).toMatchObject(invalid('alg'));
    expect(await refusalOf(signaturesOf([first]), token, { alg: 'PS256' })).toEqual(invalid('key'));
  });

  test('has no critical extension', async () => {
    const [first = {}] = jwks;
    for (const crit of [['b64'], [], null])
      expect(await refusalOf(signaturesOf([first]), await sign(0), { crit })).toEqual(invalid('crit'));
  });

  test('is of a key that only its owner can sign with', async () => {
    const { publicKey } = await crypto.subtle.generateKey(
      {
        name: 'RSASSA-PKCS1-v1_5',
        hash: 'SHA-256',
        modulusLength: 1024,
        publicExponent: Uint8Array.of(1, 0, 1),
      },
      true,
      ['sign', 'verify'],
    );
    const weak = await exportJWK(publicKey);
    expect(await refusalOf(signaturesOf([weak]), await sign(0), { alg: 'RS256' })).toEqual(invalid('key'));
  });

  test('without kid is tried with two keys; then the operator is told, once for each key set', async () => {
    const [first = {}, second = {}, third = {}] = jwks;
    const warnings: string[] = [];
    const signatures = signaturesOf([first, second, third]);
    await signatures.open((text) => warnings.push(text));
    warnings.length = 0;
    const forged = await sign(3);
    expect(await refusalOf(signatures, forged)).toEqual(invalid('kid'));
    expect(await refusalOf(signatures, forged)).toEqual(invalid('kid'));
    expect(warnings).toEqual([
      `the service refused a token without kid: it tries two of the 3 ES256 keys of the issuer ${ISSUER}, and neither verified it. If such tokens are good, configure the issuer to send kid, or list fewer keys`,
    ]);
    const silent = signaturesOf([first, second, third]);
    expect(await refusalOf(silent, forged)).toEqual(invalid('kid'));
  });

  test('without kid is found by the key that signed the last token, also among forged ones', async () => {
    const signatures = signaturesOf(jwks.slice(0, 3));
    const [good, forged] = [await sign(2), await sign(3)];
    expect(await refusalOf(signatures, good)).toEqual(invalid('kid'));
    for (let time = 0; time < 4; time += 1) {
      expect(await refusalOf(signatures, good)).toBeUndefined();
      expect(await refusalOf(signatures, forged)).toEqual(invalid('kid'));
    }
  });

  test('has the generation of its keys', () => {
    const [first = {}] = jwks;
    const signatures = signaturesOf([first]);
    expect(signatures.keyGeneration()).toBeDefined();
    expect(signatures.keyGeneration()).toBe(signatures.keyGeneration());
    signatures.close();
  });
});
