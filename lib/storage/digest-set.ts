/** 120 bits of a digest in four words. The first word is never 0, because 0 marks a free slot. */
export type DigestWords = Uint32Array;

const WORDS = 4;
const CHARACTERS_PER_WORD = 5;
const SEGMENTS = 256;
const FIRST_CAPACITY = 8;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SEXTETS = new Uint8Array(128);
for (let value = 0; value < ALPHABET.length; value += 1) SEXTETS[ALPHABET.charCodeAt(value)] = value;

/**
 * The first 20 characters of a digest in base64url.
 *
 * @param words is filled and returned, so that one array can serve all calls
 */
export function readDigest(digest: string, words: DigestWords): DigestWords {
  for (let word = 0, at = 0; word < WORDS; word += 1) {
    let bits = 0;
    for (const end = at + CHARACTERS_PER_WORD; at < end; at += 1) {
      bits = bits * 64 + (SEXTETS[digest.charCodeAt(at)] ?? 0);
    }
    words[word] = bits;
  }
  words[0] = (words[0] ?? 0) + 1;
  return words;
}

/**
 * A set of digests: a hash table with open addressing and 16 bytes per slot. It consists of segments that grow one by
 * one, so that no insertion has to move the whole set.
 */
export class DigestSet {
  readonly #segments: readonly Segment[] = Array.from({ length: SEGMENTS }, () => new Segment());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(words: DigestWords): boolean {
    return this.#segmentOf(words)?.has(words) === true;
  }

  add(words: DigestWords): void {
    this.#segmentOf(words)?.add(words);
    this.#size += 1;
  }

  #segmentOf(words: DigestWords): Segment | undefined {
    return this.#segments[(words[WORDS - 1] ?? 0) % SEGMENTS];
  }
}

class Segment {
  #slots = new Uint32Array(FIRST_CAPACITY * WORDS);
  #used = 0;

  has(words: DigestWords): boolean {
    return this.#isTaken(this.#find(words));
  }

  add(words: DigestWords): void {
    if (this.#used * WORDS * 4 >= this.#slots.length * 3) this.#grow();
    this.#slots.set(words, this.#find(words));
    this.#used += 1;
  }

  /** The index of these words, or of the free slot for them. */
  #find(words: DigestWords): number {
    const mask = this.#slots.length - 1;
    let at = ((words[0] ?? 0) * WORDS) & mask;
    while (this.#isTaken(at) && !this.#holds(at, words)) at = (at + WORDS) & mask;
    return at;
  }

  #holds(at: number, words: DigestWords): boolean {
    const slots = this.#slots;
    return (
      slots[at] === words[0] &&
      slots[at + 1] === words[1] &&
      slots[at + 2] === words[2] &&
      slots[at + 3] === words[3]
    );
  }

  #isTaken(at: number): boolean {
    return this.#slots[at] !== 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let at = 0; at < old.length; at += WORDS) {
      const words = old.subarray(at, at + WORDS);
      if (words[0] !== 0) this.#slots.set(words, this.#find(words));
    }
  }
}
