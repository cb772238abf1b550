import { generateKeyPairSync, hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { JWS_ALGORITHMS, type JwsAlgorithm } from '../jws/algorithms.js';
import { calculateThumbprint } from './thumbprint.js';

function algorithmOf(name: string): JwsAlgorithm {
  const algorithm = JWS_ALGORITHMS.get(name);
  if (algorithm === undefined) throw new Error(`no algorithm ${name}`);
  return algorithm;
}

/** Every member a JWK may have that does not count. */
const BESIDE = { kid: 'k', use: 'sig', key_ops: ['verify'], x5t: 'x', ext: true, iat: 1 };

describe('the thumbprint of a key (B3)', () => {
  // RSA keys are the same for all their algorithms, and take long to make.
  const names = [...JWS_ALGORITHMS.keys()].filter((name) => !/^ML-DSA|^[PR]S(?!256)/.test(name));

  test.each(names)('of %s agrees with jose, required members only', async (name) => {
    const { publicKey } = await generateKeyPair(name, { extractable: true });
    const jwk = await exportJWK(publicKey);
    const expected = await calculateJwkThumbprint(jwk);
    expect(calculateThumbprint({ ...jwk }, algorithmOf(name))).toBe(expected);
    expect(calculateThumbprint({ ...BESIDE, alg: name, ...jwk }, algorithmOf(name))).toBe(expected);
  });

  test.each(['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'])('of %s is over alg, kty and pub', async (alg) => {
    const pub = 'A'.repeat(algorithmOf(alg).members['pub'] ?? 0);
    const jwk: JWK = { kty: 'AKP', alg, pub };
    const expected = hash('sha256', `{"alg":"${alg}","kty":"AKP","pub":"${pub}"}`, 'base64url');
    expect(calculateThumbprint({ ...BESIDE, ...jwk }, algorithmOf(alg))).toBe(expected);
    expect(await calculateJwkThumbprint(jwk)).toBe(expected);
  });

  test('of two keys differ', () => {
    const [a, b] = [1, 2].map(() =>
      generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }),
    );
    const jwkOf = (der: Buffer | undefined) => ({
      kty: 'OKP',
      crv: 'Ed25519',
      x: der?.subarray(-32).toString('base64url'),
    });
    expect(calculateThumbprint(jwkOf(a), algorithmOf('Ed25519'))).not.toBe(
      calculateThumbprint(jwkOf(b), algorithmOf('Ed25519')),
    );
  });
});
