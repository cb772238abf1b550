const WORDS = 4;
const SEGMENTS = 256;
const FIRST_CAPACITY = 8;

/**
 * A set of 128-bit digests, 16 octets each in open addressing: a tenth of what a `Set` of strings takes. It is cut
 * into segments that grow one by one, so that no insert ever waits for the whole set to be moved.
 */
export class DigestSet {
  readonly #segments: Segment[] = Array.from({ length: SEGMENTS }, () => new Segment());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes the first 16 octets of the digest. */
  has(digest: Uint8Array): boolean {
    return this.#segmentOf(digest).has(wordsOf(digest));
  }

  add(digest: Uint8Array): void {
    this.#segmentOf(digest).add(wordsOf(digest));
    this.#size += 1;
  }

  #segmentOf(digest: Uint8Array): Segment {
    const segment = this.#segments[digest[15] ?? 0];
    if (segment === undefined) throw new RangeError('a digest has at least 16 octets');
    return segment;
  }
}

type Words = readonly [number, number, number, number];

class Segment {
  #slots = new Uint32Array(FIRST_CAPACITY * WORDS);
  #used = 0;

  has(words: Words): boolean {
    return this.#isTaken(this.#find(words));
  }

  add(words: Words): void {
    if (this.#used * WORDS * 4 >= this.#slots.length * 3) this.#grow();
    this.#slots.set(words, this.#find(words));
    this.#used += 1;
  }

  /** Where these words are, or the free slot where they belong. */
  #find(words: Words): number {
    const mask = this.#slots.length - 1;
    let at = (words[0] * WORDS) & mask;
    while (this.#isTaken(at) && !this.#holds(at, words)) at = (at + WORDS) & mask;
    return at;
  }

  #holds(at: number, [a, b, c, d]: Words): boolean {
    const slots = this.#slots;
    return slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d;
  }

  /** The first word of a digest is never zero, see `wordsOf`. */
  #isTaken(at: number): boolean {
    return this.#slots[at] !== 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      const words: Words = [old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0, old[at + 3] ?? 0];
      if (words[0] !== 0) this.#slots.set(words, this.#find(words));
    }
  }
}

function wordsOf(digest: Uint8Array): Words {
  const view = new DataView(digest.buffer, digest.byteOffset, 16);
  return [view.getUint32(0) || 1, view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}
