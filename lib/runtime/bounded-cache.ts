export interface CacheBounds {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

interface Entry<V> {
  readonly value: V;
  readonly bytes: number;
  used: boolean;
}

/** Limits the search for an unused entry, which could otherwise go through the whole cache. */
const MAX_SECOND_CHANCES = 8;

/**
 * A map with a maximum of entries and bytes, which evicts entries by the second-chance algorithm. A hit marks its entry.
 * An insertion without room evicts the oldest entry. If that is marked, it loses the mark and becomes the newest
 * instead. After a few such chances, one insertion evicts the oldest entry in any case.
 */
export class BoundedCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #bounds: CacheBounds;
  #bytes = 0;
  /** Iterates in the order of insertion. Entries before its position were evicted or moved to the end. */
  readonly #oldest = this.#entries.entries();

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

  /** @param bytes the size of the entry, as the caller estimates it */
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
      // The iterator continues where it stopped: a new one would step over the gaps of all deleted entries.
      const { value } = this.#oldest.next();
      // For the compiler: all entries lie before it.
      if (value === undefined) return;
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
