import type { JsonObject } from './json-object.js';

/** The member of a public JWK that makes the key degenerate. */
export type DegenerateMember = 'x' | 'n' | 'e' | 'pub';

/**
 * The member that makes a well-formed public JWK degenerate: anybody can create signatures for the key, or no signature
 * is possible. `crypto.verify` accepts such keys in some or all versions of Node. Call it once per key.
 *
 * It cannot detect a key whose private half is known to others, or an RSA key with badly chosen primes.
 */
export function findDegenerateMember({ kty, crv, x, n, e, pub }: JsonObject): DegenerateMember | undefined {
  if (crv === 'Ed25519') return isDegeneratePoint(bytesOf(x)) ? 'x' : undefined;
  if (kty === 'AKP') return isDegenerateLattice(bytesOf(pub)) ? 'pub' : undefined;
  if (kty !== 'RSA') return undefined;
  if (isEven(bytesOf(e))) return 'e';
  return hasSmallFactor(integerOf(bytesOf(n))) ? 'n' : undefined;
}

const bytesOf = (member: unknown): Buffer => Buffer.from(String(member), 'base64url');

const integerOf = (bytes: Uint8Array): bigint => BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);

// Ed25519

const FIELD = 2n ** 255n - 19n;
const ORDER_EIGHT = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

/** The y coordinates of the eight points whose order divides the cofactor: of order 4, 1, 2 and 8. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, FIELD - 1n, ORDER_EIGHT, FIELD - ORDER_EIGHT]);

/**
 * With a point of small order as the key, S = 0 and an R of small order are a valid signature for at least one message in
 * eight. An attacker varies `jti` until the signature is valid. The sign of x does not matter. Other encodings of these
 * points have a y beyond the field, which RFC 8032 §5.1.3 refuses and OpenSSL does not.
 */
function isDegeneratePoint(bytes: Buffer): boolean {
  bytes[31] = (bytes[31] ?? 0) & 0x7f;
  const y = integerOf(bytes.toReversed());
  return y >= FIELD || SMALL_ORDER_Y.has(y);
}

// ML-DSA

const SEED_BYTES = 32;

/**
 * The secret s1 = 0 has a public key whose vector t has short polynomials. For such a key, a signature with z = 0 is valid
 * for every message. The public key has the upper ten bits of each coefficient of t (FIPS 204 §5.3 and algorithm 22).
 * In an honest key, half of the more than 1,000 coefficients are farther from zero than a quarter of the modulus.
 */
function isDegenerateLattice(bytes: Buffer): boolean {
  const t1 = bytes.subarray(SEED_BYTES);
  for (let bit = 0; bit + 10 <= 8 * t1.length; bit += 10) {
    const coefficient = (t1.readUInt16LE(bit >> 3) >> (bit & 7)) & 0x3ff;
    if (coefficient >= 256 && coefficient < 768) return false;
  }
  return true;
}

// RSA

const isEven = (bytes: Buffer): boolean => ((bytes.at(-1) ?? 0) & 1) === 0;

interface PrimeGroup {
  readonly product: bigint;
  readonly primes: readonly number[];
}

/** The primes below 752, in groups whose product is a safe integer, so that each group needs one long division. */
const PRIME_GROUPS: readonly PrimeGroup[] = groupPrimes(752);

function groupPrimes(limit: number): readonly PrimeGroup[] {
  const groups: { product: number; primes: number[] }[] = [];
  const all: number[] = [];
  for (let candidate = 2; candidate < limit; candidate += 1) {
    if (all.some((prime) => candidate % prime === 0)) continue;
    all.push(candidate);
    const last = groups.at(-1);
    if (last !== undefined && last.product * candidate <= Number.MAX_SAFE_INTEGER) {
      last.product *= candidate;
      last.primes.push(candidate);
    } else groups.push({ product: candidate, primes: [candidate] });
  }
  return groups.map(({ product, primes }) => ({ product: BigInt(product), primes }));
}

/** NIST SP 800-89 §5.3.3. Anybody can factor a modulus that is the product of a small and a large prime. */
function hasSmallFactor(modulus: bigint): boolean {
  return PRIME_GROUPS.some(({ product, primes }) => {
    const rest = Number(modulus % product);
    return primes.some((prime) => rest % prime === 0);
  });
}
