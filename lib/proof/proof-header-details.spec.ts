import { describe, expect, test } from '@jest/globals';
import { clients, type Json } from '../../test/hostile/keys.js';
import { DpopError } from '../errors/dpop.error.js';
import { parseProofHeader } from './proof-header.js';
import { assertProofSignature, importProofKey } from './proof-signature.js';

const ALGORITHMS = new Set(['ES256', 'RS256', 'PS256', 'Ed25519', 'EdDSA', 'ML-DSA-44']);
const EC = clients.es256.publicJwk;
const RSA = clients.rs256.publicJwk;
const VALID = { typ: 'dpop+jwt', alg: 'ES256', jwk: EC };

function refusalOf(header: Json): unknown {
  try {
    importProofKey(parseProofHeader(Buffer.from(JSON.stringify(header)).toString('base64url'), ALGORITHMS));
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? [error.reason, error.details] : error;
  }
}

const withKey = (members: Json, alg = 'ES256', jwk = EC): Json => ({
  typ: 'dpop+jwt',
  alg,
  jwk: { ...jwk, ...members },
});

describe('the operator is told what of the header is at fault (D9)', () => {
  test('nothing, to begin with', () => {
    expect(refusalOf(VALID)).toBeUndefined();
    expect(refusalOf(withKey({}, 'RS256', RSA))).toBeUndefined();
    expect(refusalOf(withKey({}, 'Ed25519', clients.ed25519.publicJwk))).toBeUndefined();
  });

  test.each<[string, Json]>([
    ['jwk', { ...VALID, jwk: undefined }],
    ['jwk', { ...VALID, jwk: 'text' }],
    ['kty', withKey({ kty: 'RSA' })],
    ['kty', withKey({ kty: undefined })],
    ['crv', withKey({ crv: 'P-384' })],
    ['crv', withKey({ crv: 'P-256' }, 'RS256', RSA)],
    ['alg', withKey({ alg: 'ES384' })],
    ['alg', withKey({ alg: null })],
    ['alg', withKey({ kty: 'AKP', crv: undefined, pub: 'A'.repeat(1750) }, 'ML-DSA-44')],
    ['use', withKey({ use: 'enc' })],
    ['key_ops', withKey({ key_ops: ['sign'] })],
    ['ext', withKey({ ext: 'no' })],
    ['x', withKey({ x: undefined })],
    ['x', withKey({ x: 'AA' })],
    ['x', withKey({ x: `+${String(EC['x']).slice(1)}` })],
    ['y', withKey({ y: 1 })],
    ['y', withKey({ y: `${String(EC['y'])}A` })],
    ['n', withKey({ n: undefined }, 'RS256', RSA)],
    ['n', withKey({ n: undefined }, 'PS256', RSA)],
    ['e', withKey({ e: 65_537 }, 'RS256', RSA)],
    ['e', withKey({ e: 'BA' }, 'RS256', RSA)],
    ['x', withKey({ x: undefined }, 'EdDSA', clients.eddsa.publicJwk)],
    ['pub', { ...VALID, alg: 'ML-DSA-44', jwk: { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AAAA' } }],
    ['pub', { ...VALID, alg: 'ML-DSA-44', jwk: { kty: 'AKP', alg: 'ML-DSA-44', pub: 'A'.repeat(1750) } }],
    ['key', withKey({ y: EC['x'] })],
  ])('proof_jwk, %s', (detail, header) => {
    expect(refusalOf(header)).toEqual(['proof_jwk', { detail }]);
  });

  test.each<[string, string, Json]>([
    ['proof_jwk_private', 'jwk', withKey({ d: 'AQ' })],
    ['proof_jwk_size', 'n', withKey({ n: String(RSA['n']).slice(0, 300) }, 'RS256', RSA)],
    ['proof_jwk_size', 'e', withKey({ e: 'AQ' }, 'RS256', RSA)],
    ['proof_crit', 'crit', { ...VALID, crit: ['exp'] }],
    ['proof_crit', 'crit', { ...VALID, b64: false }],
  ])('%s, %s', (reason, detail, header) => {
    expect(refusalOf(header)).toEqual([reason, { detail }]);
  });

  test('and that it is the signature', () => {
    const header = parseProofHeader(Buffer.from(JSON.stringify(VALID)).toString('base64url'), ALGORITHMS);
    const proof = { header: 'e30', payload: 'e30', signature: 'AA', signingInput: 'e30.e30' };
    expect(() => assertProofSignature(proof, importProofKey(header))).toThrow(
      expect.objectContaining({ reason: 'proof_signature', details: { detail: 'signature' } }),
    );
  });

  test('and what the service expects', () => {
    expect(refusalOf({ ...VALID, typ: 'JWT' })).toEqual([
      'proof_typ',
      { detail: 'typ', expected: ['dpop+jwt'] },
    ]);
    expect(refusalOf({ ...VALID, alg: 'HS256' })).toEqual([
      'proof_alg',
      { detail: 'alg', expected: [...ALGORITHMS] },
    ]);
    expect(() => parseProofHeader('W10', ALGORITHMS)).toThrow(
      expect.objectContaining({ reason: 'proof_malformed', details: { detail: 'header' } }),
    );
  });
});
