export interface CacheBounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
  used: boolean;
}

/** Where everything was used, the search for an unused entry would go through the whole cache. */
const MAX_SECOND_CHANCES = 8;

/**
 * A map that forgets what was not used lately once it holds too many entries or bytes. `bytes` of an entry is what its
 * owner says. A hit only marks its entry; when room is needed, the oldest entry goes, unless it is marked: then it
 * loses the mark and becomes the youngest (the second-chance algorithm). One insertion gives few such chances: after
 * them the oldest entry goes, marked or not.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #bounds: CacheBounds;
  #bytes = 0;
  /** In the order of insertion. What lies before it has been taken out or put to the end. */
  #oldest = this.#entries.entries();

  constructor(bounds: CacheBounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.used = true;
    return entry.value;
  }

  set(key: string, value: V, bytes: number): void {
    this.delete(key);
    if (bytes > this.#bounds.maxBytes || this.#bounds.maxEntries === 0) return;
    this.#makeRoom(bytes);
    this.#entries.set(key, { value, bytes, used: false });
    this.#bytes += bytes;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  #makeRoom(bytes: number): void {
    let chances = MAX_SECOND_CHANCES;
    while (this.#entries.size >= this.#bounds.maxEntries || this.#bytes + bytes > this.#bounds.maxBytes) {
      const { value, done } = this.#oldest.next();
      if (done === true) {
        this.#oldest = this.#entries.entries();
        continue;
      }
      // Goes on where it was: to begin anew would mean to step over the holes that all former ones have left.
      const [key, entry] = value;
      this.#entries.delete(key);
      if (entry.used && chances > 0) {
        chances -= 1;
        entry.used = false;
        this.#entries.set(key, entry);
      } else this.#bytes -= entry.bytes;
    }
  }
}
