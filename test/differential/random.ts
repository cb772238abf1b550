/** Reproducible chance (mulberry32): the same seed, the same proofs, on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** Below `limit`, from 0. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit;
  }

  index(length: number): number {
    return Math.floor(this.below(length));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.index(items.length)] as T;
  }

  happens(probability: number): boolean {
    return this.below(1) < probability;
  }

  text(length: number): string {
    return Array.from({ length }, () => this.index(36).toString(36)).join('');
  }
}
