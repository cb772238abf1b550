import { generatePrimeSync, hash } from 'node:crypto';
import type { SigningKey } from './keys.js';

const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const PRIME_BITS = 512;

/**
 * An RSA key of a size or an exponent that no library generates, whose RS256 signatures are right all the same: made of
 * small primes, so that it costs milliseconds.
 */
export function createOddRsaKey(
  modulusBits: number,
  exponent: bigint,
  given: readonly bigint[] = [],
): SigningKey {
  const primes = findPrimes(modulusBits, exponent, given);
  const modulus = product(primes);
  const length = Math.ceil(modulusBits / 8);
  const sign = (input: Uint8Array) =>
    toBytes(exponentiateByParts(encode(input, length), primes, exponent), length);
  return { alg: 'RS256', publicJwk: { kty: 'RSA', n: toBase64url(modulus), e: toBase64url(exponent) }, sign };
}

/** Primes whose product has exactly so many bits, and for which the exponent has an inverse; some are given. */
function findPrimes(modulusBits: number, exponent: bigint, given: readonly bigint[]): readonly bigint[] {
  const count = Math.floor(modulusBits / PRIME_BITS) - 1;
  const primes = [...given, ...Array.from({ length: count }, () => findPrime(PRIME_BITS, exponent))];
  const missing = modulusBits - bitLength(product(primes));
  // The last one has as many bits as are missing or, when the product falls short, one more.
  for (let attempt = 0; ; attempt += 1) {
    const all = [...primes, findPrime(missing + (attempt % 2), exponent)];
    if (bitLength(product(all)) === modulusBits) return all;
  }
}

function findPrime(bits: number, exponent: bigint): bigint {
  for (;;) {
    const prime = generatePrimeSync(bits, { bigint: true });
    if (greatestCommonDivisor(exponent, prime - 1n) === 1n) return prime;
  }
}

/** EMSA-PKCS1-v1_5, RFC 8017 §9.2. */
function encode(input: Uint8Array, length: number): bigint {
  const tail = Buffer.concat([SHA256_DIGEST_INFO, hash('sha256', input, 'buffer')]);
  const padding = Buffer.alloc(length - tail.length - 3, 0xff);
  return fromBytes(Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), tail]));
}

/** base^(1/exponent) modulo the product of the primes, by the Chinese remainder theorem. */
function exponentiateByParts(base: bigint, primes: readonly bigint[], exponent: bigint): bigint {
  const modulus = product(primes);
  let sum = 0n;
  for (const prime of primes) {
    const root = power(base % prime, invert(exponent, prime - 1n), prime);
    const others = modulus / prime;
    sum += root * others * invert(others % prime, prime);
  }
  return sum % modulus;
}

export function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** Extended Euclid. */
export function invert(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b, x, y] = [b - quotient * a, a, y - quotient * x, x];
  }
  return ((x % modulus) + modulus) % modulus;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}

const bitLength = (value: bigint): number => value.toString(2).length;
const product = (factors: readonly bigint[]): bigint => factors.reduce((all, factor) => all * factor, 1n);

export function fromBytes(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
}

export function toBytes(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

function toBase64url(value: bigint): string {
  return toBytes(value, Math.ceil(bitLength(value) / 8)).toString('base64url');
}
