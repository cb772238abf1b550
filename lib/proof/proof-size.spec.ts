import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { parseProof } from '../config/option-parsers.js';
import { DEFAULT_ALGORITHMS, isSupportedAlgorithm } from '../jws/algorithms.js';
import { minProofBytes } from './proof-size.js';

const DEFAULT_MAX_BYTES = 8192;
const ML_DSA = [
  ['ML-DSA-44', 6185],
  ['ML-DSA-65', 8508],
  ['ML-DSA-87', 11403],
] as const;

const encode = (octets: string | Uint8Array) => Buffer.from(octets).toString('base64url');

describe('the least length that lets a proof through (A5)', () => {
  test.each(ML_DSA)('of %s is that of key, signature and 384 octets of claims: %i', (alg, length) => {
    expect(minProofBytes(alg)).toBe(length);
  });

  test.each(ML_DSA)('of %s is that of a real proof', (alg, length) => {
    // Only Node 24.7 and later make them.
    if (!isSupportedAlgorithm(alg)) return;
    const { publicKey, privateKey } = generateKeyPairSync(alg.toLowerCase() as 'ed25519');
    const header = { typ: 'dpop+jwt', alg, jwk: publicKey.export({ format: 'jwk' }) };
    const input = `${encode(JSON.stringify(header))}.${encode('{}'.padEnd(384))}`;
    expect(`${input}.${encode(sign(null, Buffer.from(input), privateKey))}`).toHaveLength(length);
  });

  test.each([...DEFAULT_ALGORITHMS, 'none'])(
    'is not known of %s, whose keys or signatures are short',
    (alg) => {
      expect(minProofBytes(alg)).toBe(0);
    },
  );
});

describe('proof.maxBytes at start (I3)', () => {
  test.each(ML_DSA)('must have room for a proof of %s, if that is listed', (alg, length) => {
    if (!isSupportedAlgorithm(alg)) return;
    const algorithms = ['ES256', alg];
    expect(parseProof({ algorithms, maxBytes: length }).maxBytes).toBe(length);
    const message = `proof.maxBytes must be at least ${length}, because proof.algorithms lists ${alg}; it is ${length - 1}`;
    expect(() => parseProof({ algorithms, maxBytes: length - 1 })).toThrow(new TypeError(message));
  });

  test('is too small by default for the longer ones', () => {
    for (const [alg, length] of ML_DSA) {
      if (!isSupportedAlgorithm(alg)) continue;
      const start = () => parseProof({ algorithms: [alg] });
      if (length <= DEFAULT_MAX_BYTES) expect(start().maxBytes).toBe(DEFAULT_MAX_BYTES);
      else expect(start).toThrow(/^proof\.maxBytes must be at least /);
    }
  });

  test('may be as small as ever without them', () => {
    expect(parseProof({ maxBytes: 512 }).maxBytes).toBe(512);
  });
});
