import { InMemoryAdapter } from '../../01-quickstart/authorization-server/memory.adapter.js';

interface Payload {
  readonly uid?: string;
  readonly grantId?: string;
  consumed?: number;
}

/** What a login needs beyond the quickstart: sessions by their uid, codes that are used once, and the end of a grant. */
export class SessionAdapter extends InMemoryAdapter {
  readonly #idsByUid = new Map<string, string>();
  readonly #idsByGrant = new Map<string, Set<string>>();

  override async upsert(id: string, payload: Payload, expiresInSeconds?: number): Promise<void> {
    const { uid, grantId } = payload;
    if (uid !== undefined) this.#idsByUid.set(uid, id);
    if (grantId !== undefined) {
      this.#idsByGrant.set(grantId, (this.#idsByGrant.get(grantId) ?? new Set()).add(id));
    }
    await super.upsert(id, payload, expiresInSeconds);
  }

  async findByUid(uid: string): Promise<object | undefined> {
    const id = this.#idsByUid.get(uid);
    return id === undefined ? undefined : await this.find(id);
  }

  async consume(id: string): Promise<void> {
    const payload: Payload | undefined = await this.find(id);
    if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const id of this.#idsByGrant.get(grantId) ?? []) await this.destroy(id);
    this.#idsByGrant.delete(grantId);
  }
}
