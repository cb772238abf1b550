import { createHash, createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ed25519Jwk, forgeJws, isVerified, SMALL_ORDER_POINTS } from '../../test/hostile/forgeries.js';
import { clients, type Json } from '../../test/hostile/keys.js';
import { createOddRsaKey } from '../../test/hostile/odd-rsa-key.js';
import { DpopError } from '../errors/dpop.error.js';
import { importProofKey } from '../proof/proof-signature.js';
import { isSupportedAlgorithm, JWS_ALGORITHMS } from './algorithms.js';
import { findDegenerateMember } from './degenerate-key.js';

const encode = (octets: Uint8Array) => Buffer.from(octets).toString('base64url');

/** What is told of a key that is refused when it is imported. */
function refusalOf(alg: string, jwk: Json): unknown {
  const algorithm = JWS_ALGORITHMS.get(alg);
  if (algorithm === undefined) throw new Error(`${alg} is unknown`);
  try {
    importProofKey({ alg, algorithm, jwk, jkt: 'jkt' });
    return undefined;
  } catch (error) {
    return error instanceof DpopError ? [error.reason, error.details.detail] : error;
  }
}

describe('an Ed25519 key of small order (C7)', () => {
  const points = Object.entries(SMALL_ORDER_POINTS);
  // OpenSSL of some versions of Node checks what others do not.
  const isRefusedByNode = !isVerified(
    points[0]?.[1] ?? Buffer.alloc(32),
    forgeJws(Buffer.of(1, ...Buffer.alloc(31)), 'e30', 'e30'),
  );

  test('has fourteen spellings', () => {
    expect(new Set(points.map(([, point]) => encode(point))).size).toBe(14);
  });

  test.each(points)('lets everybody sign on some Nodes, and is refused: %s', (_, point) => {
    const forged = forgeJws(point, 'e30', Buffer.from('{"jti":"a"}').toString('base64url'));
    expect(isVerified(point, forged)).toBe(!isRefusedByNode);
    expect(refusalOf('Ed25519', ed25519Jwk(point))).toEqual(['proof_jwk', 'x']);
  });

  test('may be written with bits of base64url that count for nothing', () => {
    const x = encode(Buffer.of(1, ...Buffer.alloc(31)));
    for (const last of 'ABCD')
      expect(findDegenerateMember({ crv: 'Ed25519', x: x.slice(0, -1) + last })).toBe('x');
  });

  test('is not any other', () => {
    for (const { publicJwk } of [clients.ed25519, clients.eddsa])
      expect(refusalOf('Ed25519', publicJwk)).toBeUndefined();
    const canonical = [2, 3, 4, 5, 0xec - 1].map((low) => [low, low < 6 ? 0 : 0xff] as const);
    for (const [low, rest] of canonical) {
      const point = Buffer.of(low, ...Buffer.alloc(30, rest), rest === 0 ? 0 : 0x7f);
      expect(findDegenerateMember(ed25519Jwk(point))).toBeUndefined();
    }
  });

  test('nor does it matter on another curve', () => {
    expect(
      findDegenerateMember({ kty: 'EC', crv: 'P-256', x: encode(Buffer.alloc(32)), y: '' }),
    ).toBeUndefined();
  });
});

describe('an RSA key (C7)', () => {
  const F4 = 65_537n;

  test.each([3n, 5n, 7n, 257n, 733n, 739n, 743n])(
    'whose modulus %i divides is refused, though it signs',
    (factor) => {
      const { publicJwk, sign } = createOddRsaKey(2048, F4, [factor]);
      const input = Buffer.from('input');
      expect(verify('sha256', input, createPublicKey({ key: publicJwk, format: 'jwk' }), sign(input))).toBe(
        true,
      );
      expect(refusalOf('RS256', publicJwk)).toEqual(['proof_jwk', 'n']);
    },
  );

  test('whose smallest factor is 751 is refused, one of 757 is not', () => {
    expect(refusalOf('RS256', createOddRsaKey(2048, F4, [751n]).publicJwk)).toEqual(['proof_jwk', 'n']);
    expect(refusalOf('RS256', createOddRsaKey(2048, F4, [757n]).publicJwk)).toBeUndefined();
  });

  test('whose modulus or exponent is even is refused', () => {
    const { publicJwk } = clients.rs256;
    const even = createOddRsaKey(2048, F4, [2n]).publicJwk;
    expect(refusalOf('RS256', even)).toEqual(['proof_jwk', 'n']);
    expect(refusalOf('RS256', { ...publicJwk, e: encode(Buffer.of(4)) })).toEqual(['proof_jwk', 'e']);
    expect(refusalOf('RS256', { ...publicJwk, e: encode(Buffer.of(1, 0, 2)) })).toEqual(['proof_jwk', 'e']);
  });

  test('of a usual kind is accepted', () => {
    for (const { publicJwk } of [clients.rs256, clients.ps256])
      expect(refusalOf('RS256', publicJwk)).toBeUndefined();
    expect(refusalOf('RS256', createOddRsaKey(2048, 3n).publicJwk)).toBeUndefined();
  });
});

describe('an EC key (C7)', () => {
  const P521 = 2n ** 521n - 1n;

  test('has coordinates below the prime: one more than it is refused', () => {
    const { publicJwk } = clients.es512;
    expect(refusalOf('ES512', publicJwk)).toBeUndefined();
    for (const member of ['x', 'y']) {
      const value = BigInt(`0x${Buffer.from(String(publicJwk[member]), 'base64url').toString('hex')}`);
      const beyond = Buffer.from((value + P521).toString(16).padStart(132, '0'), 'hex');
      expect(refusalOf('ES512', { ...publicJwk, [member]: encode(beyond) })).toEqual(['proof_jwk', 'key']);
    }
  });
});

/** FIPS 204: octets of the key, of the hash c̃, of z for each of its polynomials, their number, of the hints, of w1. */
const ML_DSA = {
  'ML-DSA-44': { pub: 1312, c: 32, zBits: 18, zCount: 4, hints: 84, w1: 4 * 192 },
  'ML-DSA-65': { pub: 1952, c: 48, zBits: 20, zCount: 5, hints: 61, w1: 6 * 128 },
  'ML-DSA-87': { pub: 2592, c: 64, zBits: 20, zCount: 7, hints: 83, w1: 8 * 128 },
} as const;

describe.each(Object.entries(ML_DSA))('an %s key (C7)', (alg, sizes) => {
  const seed = randomBytes(32);
  const ofCoefficients = (coefficient: (index: number) => number): Buffer => {
    let bits = 0n;
    const count = ((sizes.pub - 32) * 8) / 10;
    for (let index = count - 1; index >= 0; index -= 1) bits = (bits << 10n) | BigInt(coefficient(index));
    const t1 = Buffer.from(bits.toString(16).padStart(2 * (sizes.pub - 32), '0'), 'hex').toReversed();
    return Buffer.concat([seed, t1]);
  };
  const jwkOf = (pub: Uint8Array): Json => ({ kty: 'AKP', alg, pub: encode(pub) });
  const shake = (octets: number, ...parts: Uint8Array[]) =>
    createHash('shake256', { outputLength: octets }).update(Buffer.concat(parts)).digest();

  /** z = 0, no hints, and the c̃ that belongs to a w1 of zeros. */
  function forge(pub: Uint8Array, message: Uint8Array): Buffer {
    const mu = shake(64, shake(64, pub), Buffer.of(0, 0), message);
    let z = 0n;
    for (let index = 0; index < 256 * sizes.zCount; index += 1)
      z = (z << BigInt(sizes.zBits)) | (1n << BigInt(sizes.zBits - 1));
    const packed = Buffer.from(
      z.toString(16).padStart(64 * sizes.zCount * sizes.zBits, '0'),
      'hex',
    ).toReversed();
    return Buffer.concat([shake(sizes.c, mu, Buffer.alloc(sizes.w1)), packed, Buffer.alloc(sizes.hints)]);
  }

  test.each([
    ['zeros', () => 0],
    ['ones below zero', () => 1023],
    ['either', (index: number) => (index % 3 === 0 ? 1023 : 0)],
    ['one that is not zero', (index: number) => (index === 300 ? 1 : 0)],
  ])('whose t holds %s lets everybody sign, and is refused', (_, coefficient) => {
    const pub = ofCoefficients(coefficient);
    if (isSupportedAlgorithm(alg)) {
      const message = randomBytes(20);
      expect(
        verify(null, message, createPublicKey({ key: jwkOf(pub), format: 'jwk' }), forge(pub, message)),
      ).toBe(true);
    }
    expect(refusalOf(alg, jwkOf(pub))).toEqual(['proof_jwk', 'pub']);
  });

  test.each([
    ['at the lower bound', 256, undefined],
    ['below it', 255, 'pub'],
    ['at the upper bound', 767, undefined],
    ['beyond it', 768, 'pub'],
  ])('is refused as long as all of t is short: the last coefficient %s', (_, last, member) => {
    const count = ((sizes.pub - 32) * 8) / 10;
    for (const at of [0, 1, 2, 3, count - 1]) {
      const pub = ofCoefficients((index) => (index === at ? last : 0));
      expect(findDegenerateMember(jwkOf(pub))).toBe(member);
    }
  });

  test('that is honest is accepted', () => {
    if (!isSupportedAlgorithm(alg)) return;
    const { publicKey } = generateKeyPairSync(alg.toLowerCase() as 'ed25519');
    expect(refusalOf(alg, { ...publicKey.export({ format: 'jwk' }) })).toBeUndefined();
  });
});
