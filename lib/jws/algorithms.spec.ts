import { constants, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { DEFAULT_ALGORITHMS, isSupportedAlgorithm, JWS_ALGORITHMS } from './algorithms.js';

/** Asked in another way than the library asks. */
function canMakeKeys(type: string): boolean {
  try {
    generateKeyPairSync(type as 'ed25519');
    return true;
  } catch {
    return false;
  }
}

describe('the algorithms that this Node can verify (C5)', () => {
  test.each([...JWS_ALGORITHMS.keys()].filter((name) => name.startsWith('ML-DSA')))(
    '%s, if Node knows keys of its kind',
    (name) => {
      expect(isSupportedAlgorithm(name)).toBe(canMakeKeys(name.toLowerCase()));
    },
  );

  test('all that are older', () => {
    const older = [...JWS_ALGORITHMS.keys()].filter((name) => !name.startsWith('ML-DSA'));
    expect(older).toHaveLength(11);
    expect(DEFAULT_ALGORITHMS).toEqual(older);
    expect(older.filter((name) => !isSupportedAlgorithm(name))).toStrictEqual([]);
  });

  test.each(['none', 'HS256', 'es256', ''])('not %j', (name) => {
    expect(isSupportedAlgorithm(name)).toBe(false);
  });
});

describe('what an algorithm needs (C5)', () => {
  const ecdsa = (crv: string, length: number, hash: string) => ({
    kty: 'EC',
    crv,
    members: { x: length, y: length },
    hash,
    verifyOptions: { dsaEncoding: 'ieee-p1363' },
  });
  const rsa = (hash: string, verifyOptions: object) => ({
    kty: 'RSA',
    members: { n: undefined, e: undefined },
    hash,
    verifyOptions,
  });
  const pkcs1 = { padding: constants.RSA_PKCS1_PADDING };
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const ed25519 = { kty: 'OKP', crv: 'Ed25519', members: { x: 43 }, hash: null, verifyOptions: {} };
  const mlDsa = (length: number, signatureBytes: number) => ({
    kty: 'AKP',
    members: { pub: length },
    signatureBytes,
    hash: null,
    verifyOptions: {},
  });
  const table: readonly (readonly [name: string, needs: object])[] = [
    ['ES256', ecdsa('P-256', 43, 'sha256')],
    ['ES384', ecdsa('P-384', 64, 'sha384')],
    ['ES512', ecdsa('P-521', 88, 'sha512')],
    ['PS256', rsa('sha256', pss)],
    ['PS384', rsa('sha384', pss)],
    ['PS512', rsa('sha512', pss)],
    ['RS256', rsa('sha256', pkcs1)],
    ['RS384', rsa('sha384', pkcs1)],
    ['RS512', rsa('sha512', pkcs1)],
    ['Ed25519', ed25519],
    ['EdDSA', ed25519],
    ['ML-DSA-44', mlDsa(1750, 2420)],
    ['ML-DSA-65', mlDsa(2603, 3309)],
    ['ML-DSA-87', mlDsa(3456, 4627)],
  ];

  test('is a key of a kind, with members of a length, and a way to verify', () => {
    expect([...JWS_ALGORITHMS]).toStrictEqual(table);
    expect(DEFAULT_ALGORITHMS.every(isSupportedAlgorithm)).toBe(true);
  });
});
