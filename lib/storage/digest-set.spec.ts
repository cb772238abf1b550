import { hash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DigestSet, readDigest } from './digest-set.js';

const read = (digest: string) => readDigest(digest, new Uint32Array(4));

/** Few first words, few last characters: much meets in one slot of one segment. */
const crowded = fc
  .tuple(fc.constantFrom('AAAAA', 'AAAAB', 'AAAAI', '_____'), fc.nat({ max: 40 }), fc.constantFrom('A', '_'))
  .map(([first, middle, last]) => `${first}${String(middle).padStart(14, 'x')}${last}`);
const spread = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((octets) => Buffer.from(octets).toString('base64url'));

describe('a set of digests (F7)', () => {
  test('holds what a Set holds', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(crowded, spread), { maxLength: 200 }), (digests) => {
        const set = new DigestSet();
        const model = new Set<string>();
        for (const digest of digests) {
          const key = digest.slice(0, 20);
          expect(set.has(read(digest))).toBe(model.has(key));
          if (!model.has(key)) set.add(read(digest));
          model.add(key);
        }
        expect(set.size).toBe(model.size);
        expect(digests.every((digest) => set.has(read(digest)))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('grows in a segment that fills up, and no further', () => {
    const set = new DigestSet();
    const digests = Array.from(
      { length: 100 },
      (_, n) => `${hash('sha256', `${n}`, 'base64url').slice(0, 15)}AAAAC`,
    );
    for (const digest of digests) {
      expect(set.has(read(digest))).toBe(false);
      set.add(read(digest));
    }
    expect(digests.every((digest) => set.has(read(digest)))).toBe(true);
  });

  test('loses nothing while it grows, all together and in a single segment', () => {
    for (const sameSegment of [false, true]) {
      const set = new DigestSet();
      const digestOf = (n: number, salt: string) => {
        const digest = hash('sha256', `${salt}${n}`, 'base64url');
        return read(sameSegment ? `${digest.slice(0, 15)}AAAAC` : digest);
      };
      const numbers = Array.from({ length: 10_000 }, (_, n) => n);
      for (const n of numbers) set.add(digestOf(n, 'in'));
      expect(set.size).toBe(10_000);
      expect(numbers.filter((n) => !set.has(digestOf(n, 'in')))).toStrictEqual([]);
      expect(numbers.filter((n) => set.has(digestOf(n, 'out')))).toStrictEqual([]);
    }
  });

  test('tells 120 bits apart: each of them', () => {
    const octets = Buffer.alloc(32, 0xaa);
    const set = new DigestSet();
    set.add(read(octets.toString('base64url')));
    for (let bit = 0; bit < 120; bit += 1) {
      const other = Buffer.from(octets);
      other[bit >> 3] = 0xaa ^ (1 << (bit & 7));
      expect(set.has(read(other.toString('base64url')))).toBe(false);
    }
  });

  test('a digest of zeros is a digest like any other', () => {
    const set = new DigestSet();
    const zeros = 'A'.repeat(43);
    expect(set.has(read(zeros))).toBe(false);
    set.add(read(zeros));
    expect(set.has(read(zeros))).toBe(true);
    expect(set.has(read(`AAAAB${'A'.repeat(38)}`))).toBe(false);
  });
});
