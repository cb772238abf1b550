import type { Adapter } from 'oidc-provider';

/** The storage of the authorization server, in memory. In this sample it contains the proofs that the server has seen. */
export class InMemoryAdapter implements Adapter {
  readonly #entries = new Map<string, { readonly payload: object; readonly expiresAtMs: number }>();

  async upsert(id: string, payload: object, expiresInSeconds = Number.POSITIVE_INFINITY): Promise<void> {
    this.#entries.set(id, { payload, expiresAtMs: Date.now() + expiresInSeconds * 1000 });
  }

  async find(id: string): Promise<object | undefined> {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.expiresAtMs > Date.now()) return entry.payload;
    this.#entries.delete(id);
    return undefined;
  }

  async destroy(id: string): Promise<void> {
    this.#entries.delete(id);
  }
}
