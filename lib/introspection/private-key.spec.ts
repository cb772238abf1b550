import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { generateKeyPair } from 'jose';
import { parsePrivateKey } from './private-key.js';

const KEY_FORM =
  'client.privateKey must be a private key for signatures: PKCS #8 in PEM, a JWK, or a CryptoKey; RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519';

const onCurve = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const ofBits = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

const RSA = ofBits(2048);
const EC = onCurve('P-256');
const ED25519 = generateKeyPairSync('ed25519').privateKey;

/** What becomes of the options: the parsed key, or the message of the TypeError. */
function parse(options: Readonly<Record<string, unknown>>): unknown {
  try {
    return parsePrivateKey(options, 'client');
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
}

describe('the algorithm of a private key (I4)', () => {
  test.each<readonly [string, KeyObject, readonly string[]]>([
    ['RSA', RSA, ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    ['P-256', EC, ['ES256']],
    ['P-384', onCurve('P-384'), ['ES384']],
    ['P-521', onCurve('P-521'), ['ES512']],
    ['Ed25519', ED25519, ['Ed25519', 'EdDSA']],
  ])('of %s is one of those of the key, by default the first', async (_kind, key, algorithms) => {
    const privateKey = pemOf(key);
    expect(parse({ privateKey })).toMatchObject({ kid: undefined, algorithm: algorithms[0] });
    for (const algorithm of algorithms) {
      const parsed = parsePrivateKey({ privateKey, algorithm }, 'client');
      expect(parsed.algorithm).toBe(algorithm);
      expect(await parsed.import()).toMatchObject({ type: 'private', usages: ['sign'] });
    }
    expect(parse({ privateKey, algorithm: 'HS256' })).toBe(
      `client.algorithm must be one of ${algorithms.join(', ')} for this key; it is "HS256"`,
    );
  });

  test('may be named by the JWK, and the option is used before it', () => {
    const privateKey = { ...RSA.export({ format: 'jwk' }), alg: 'PS384' };
    expect(parse({ privateKey })).toMatchObject({ algorithm: 'PS384' });
    expect(parse({ privateKey, algorithm: 'RS512' })).toMatchObject({ algorithm: 'RS512' });
    expect(parse({ privateKey: { ...privateKey, alg: 'ES256' } })).toMatch(/^client\.algorithm .*"ES256"$/);
    expect(parse({ privateKey, algorithm: 42 })).toMatch(/^client\.algorithm .*; it is 42$/);
  });

  test('is imported with the key', async () => {
    const parsed = parsePrivateKey({ privateKey: pemOf(RSA), algorithm: 'PS512' }, 'client');
    expect(await parsed.import()).toMatchObject({
      algorithm: { name: 'RSA-PSS', hash: { name: 'SHA-512' } },
    });
  });
});

describe('the kid of a private key (I4)', () => {
  test('is that of the option, or else that of the JWK', () => {
    const privateKey = { ...EC.export({ format: 'jwk' }), kid: 'of the key' };
    expect(parse({ privateKey })).toMatchObject({ kid: 'of the key' });
    expect(parse({ privateKey, kid: 'of the option' })).toMatchObject({ kid: 'of the option' });
    expect(parse({ privateKey: pemOf(EC), kid: 'of the option' })).toMatchObject({ kid: 'of the option' });
  });

  test.each(['', 42, null])('is not %j', (kid) => {
    expect(parse({ privateKey: pemOf(EC), kid })).toBe('client.kid must be a string, as registered');
  });
});

describe('a CryptoKey (I4)', () => {
  test('is used as it is, with its own algorithm', async () => {
    const { privateKey } = await generateKeyPair('ES384');
    const parsed = parsePrivateKey({ privateKey, kid: 'one' }, 'client');
    expect(parsed).toMatchObject({ kid: 'one', algorithm: undefined });
    expect(await parsed.import()).toBe(privateKey);
    expect(parse({ privateKey, algorithm: 'ES384' })).toBe(
      'client.algorithm must be left out for a CryptoKey, which has one',
    );
  });

  test('must be private and able to sign', async () => {
    const { publicKey } = await generateKeyPair('ES256');
    const agreeing = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, false, [
      'deriveBits',
    ]);
    const symmetric = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    for (const privateKey of [publicKey, agreeing.privateKey, symmetric])
      expect(parse({ privateKey })).toBe(KEY_FORM);
  });
});

describe('what is no private key for signatures (I4)', () => {
  test.each<readonly [string, unknown]>([
    ['RSA of 1024 bits', pemOf(ofBits(1024))],
    ['another curve', pemOf(onCurve('secp256k1'))],
    ['a key for key agreement', pemOf(generateKeyPairSync('x25519').privateKey)],
    ['a public key', createPublicKey(EC).export({ type: 'spki', format: 'pem' })],
    ['a public JWK', { ...EC.export({ format: 'jwk' }), d: undefined }],
    ['a symmetric JWK', { kty: 'oct', k: 'AAAA' }],
    ['an empty text', ''],
    ['null', null],
    ['a number', 42],
    ['an array', [EC.export({ format: 'jwk' })]],
  ])('%s', (_what, privateKey) => {
    expect(parse({ privateKey })).toBe(KEY_FORM);
  });
});
