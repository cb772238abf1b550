import { hash, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DigestSet } from './digest-set.js';

/** Few first words, few last octets: much meets in one slot of one segment. */
const crowded = fc
  .tuple(fc.constantFrom(0, 1, 2, 8, 0x80000000, 0xffffffff), fc.nat({ max: 40 }), fc.constantFrom(0, 255))
  .map(([first, middle, last]) => {
    const digest = Buffer.alloc(32, 7);
    digest.writeUInt32BE(first);
    digest.writeUInt32BE(middle, 8);
    digest[15] = last;
    return digest;
  });
const spread = fc.uint8Array({ minLength: 32, maxLength: 32 });

/** The first 16 octets; a first word of zero is the same as one, which costs one bit in 2^31. */
function keyOf(digest: Uint8Array): string {
  const key = Buffer.from(digest.subarray(0, 16));
  if (key.readUInt32BE() === 0) key.writeUInt32BE(1);
  return key.toString('hex');
}

describe('F7 a set of digests', () => {
  test('holds what a Set holds', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(crowded, spread), { maxLength: 200 }), (digests) => {
        const set = new DigestSet();
        const model = new Set<string>();
        const answers = digests.map((digest) => {
          const known = set.has(digest);
          if (!known) set.add(digest);
          return known;
        });
        const expected = digests.map((digest) => {
          const known = model.has(keyOf(digest));
          model.add(keyOf(digest));
          return known;
        });
        expect(answers).toEqual(expected);
        expect(set.size).toBe(model.size);
        expect(digests.every((digest) => set.has(digest))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('loses nothing while it grows, all together and in a single segment', () => {
    for (const sameSegment of [false, true]) {
      const set = new DigestSet();
      const digestOf = (n: number, salt: string) => {
        const digest = hash('sha256', `${salt}${n}`, 'buffer');
        if (sameSegment) digest[15] = 3;
        return digest;
      };
      const numbers = Array.from({ length: 10_000 }, (_, n) => n);
      for (const n of numbers) set.add(digestOf(n, 'in'));
      expect(set.size).toBe(10_000);
      expect(numbers.filter((n) => !set.has(digestOf(n, 'in')))).toEqual([]);
      expect(numbers.filter((n) => set.has(digestOf(n, 'out')))).toEqual([]);
    }
  });

  test('takes a view into a larger buffer for what it shows', () => {
    const pool = randomBytes(100);
    const set = new DigestSet();
    set.add(pool.subarray(37, 69));
    expect(set.has(Uint8Array.from(pool.subarray(37, 69)))).toBe(true);
    expect(set.has(pool.subarray(36, 68))).toBe(false);
  });

  test('tells 128 bits apart: each of them', () => {
    const digest = Buffer.alloc(16, 0xaa);
    const set = new DigestSet();
    set.add(digest);
    for (let bit = 0; bit < 128; bit += 1) {
      const other = Buffer.from(digest);
      other[bit >> 3] = 0xaa ^ (1 << (bit & 7));
      expect(set.has(other)).toBe(false);
    }
  });

  test.each([0, 1, 15])('refuses a digest of %i octets', (length) => {
    expect(() => new DigestSet().add(new Uint8Array(length))).toThrow(RangeError);
    expect(() => new DigestSet().has(new Uint8Array(length))).toThrow(RangeError);
  });
});
