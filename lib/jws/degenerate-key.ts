import type { JsonObject } from './json-object.js';

/** A member of a public JWK that holds the value which `findDegenerateMember` objects to. */
export type DegenerateMember = 'x' | 'n' | 'e' | 'pub';

/**
 * The member of a well-formed public JWK that makes it a key under which everybody can sign, or with which no
 * signature can be made: `crypto.verify` accepts such keys in some or all versions of Node. To be asked once per key.
 *
 * A key whose owner gave the private half away cannot be told from others, nor can an RSA key of badly chosen primes.
 */
export function findDegenerateMember({ kty, crv, x, n, e, pub }: JsonObject): DegenerateMember | undefined {
  if (crv === 'Ed25519') return isDegeneratePoint(octetsOf(x)) ? 'x' : undefined;
  if (kty === 'AKP') return isDegenerateLattice(octetsOf(pub)) ? 'pub' : undefined;
  if (kty !== 'RSA') return undefined;
  if (isEven(octetsOf(e))) return 'e';
  return hasSmallFactor(integerOf(octetsOf(n))) ? 'n' : undefined;
}

const octetsOf = (member: unknown): Buffer => Buffer.from(String(member), 'base64url');

const integerOf = (octets: Uint8Array): bigint => BigInt(`0x0${Buffer.from(octets).toString('hex')}`);

// Ed25519

const FIELD = 2n ** 255n - 19n;
const ORDER_EIGHT = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

/** The y of all eight points whose order divides the cofactor: of order 4, 1, 2 and 8. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([0n, 1n, FIELD - 1n, ORDER_EIGHT, FIELD - ORDER_EIGHT]);

/**
 * Under a point of small order, S = 0 and an R of small order verify for one message in eight or more: an attacker
 * varies `jti` until they do. The sign of x does not matter. RFC 8032 §5.1.3 refuses a y beyond the field, as other
 * spellings of these points have it; OpenSSL does not.
 */
function isDegeneratePoint(octets: Buffer): boolean {
  octets[31] = (octets[31] ?? 0) & 0x7f;
  const y = integerOf(octets.toReversed());
  return y >= FIELD || SMALL_ORDER_Y.has(y);
}

// ML-DSA

const SEED_OCTETS = 32;

/**
 * Under a vector t of short polynomials, the public key of the secret s1 = 0, a signature with z = 0 verifies for every
 * message. The key holds the upper ten bits of each coefficient of t (FIPS 204 §5.3 and algorithm 22). In an honest
 * key half of the more than 1,000 coefficients lie farther from zero than a quarter of the modulus.
 */
function isDegenerateLattice(octets: Buffer): boolean {
  const t1 = octets.subarray(SEED_OCTETS);
  for (let bit = 0; bit + 10 <= 8 * t1.length; bit += 10) {
    const coefficient = (t1.readUInt16LE(bit >> 3) >> (bit & 7)) & 0x3ff;
    if (coefficient >= 256 && coefficient < 768) return false;
  }
  return true;
}

// RSA

const isEven = (octets: Buffer): boolean => ((octets.at(-1) ?? 0) & 1) === 0;

interface PrimeGroup {
  readonly product: bigint;
  readonly primes: readonly number[];
}

/** The primes below 752, in groups whose products a double holds exactly: one long division for each group. */
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

/** NIST SP 800-89 §5.3.3. A modulus that is a small prime times a great one is factored by everybody. */
function hasSmallFactor(modulus: bigint): boolean {
  return PRIME_GROUPS.some(({ product, primes }) => {
    const rest = Number(modulus % product);
    return primes.some((prime) => rest % prime === 0);
  });
}
