/** The persistence of the sample: a map in memory whose entries expire. A real server uses a database. */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly expiresAtMs: number }>();

  constructor(readonly lifetimeSeconds: number) {}

  set(key: string, value: V): void {
    for (const [other, { expiresAtMs }] of this.#entries) {
      // All entries live equally long: the first one that is alive ends the search.
      if (expiresAtMs > Date.now()) break;
      this.#entries.delete(other);
    }
    this.#entries.set(key, { value, expiresAtMs: Date.now() + this.lifetimeSeconds * 1000 });
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAtMs > Date.now() ? entry.value : undefined;
  }

  /** Returns the value once. */
  take(key: string): V | undefined {
    const value = this.get(key);
    this.#entries.delete(key);
    return value;
  }
}
