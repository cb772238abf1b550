import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { clients } from '../../test/hostile/keys.js';
import { JWS_ALGORITHMS } from './algorithms.js';
import { createSignatureKey, isSignedBy } from './signature.js';

describe('a signature (C6)', () => {
  const jws = { header: 'e30', payload: 'e30', signature: 'AA', signingInput: 'e30.e30' };
  const publicKey = createPublicKey({ key: clients.es256.publicJwk, format: 'jwk' });

  test('is not there where crypto refuses to look, or finds none', () => {
    const es256 = JWS_ALGORITHMS.get('ES256');
    if (es256 === undefined) throw new Error('ES256 is unknown');
    expect(isSignedBy(jws, createSignatureKey(publicKey, es256))).toBe(false);
    expect(isSignedBy(jws, createSignatureKey(publicKey, { ...es256, hash: 'no such hash' }))).toBe(false);
  });
});
