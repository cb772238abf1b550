import { MemoryStorage, type ReplayClaim, type ReplayOutcome, ReplayStore } from 'nestjs-dpop';

/** Remembers as the memory of a process does, and counts the proofs that it is given to record. */
export class CountingStore extends ReplayStore {
  claims = 0;
  readonly #store = new MemoryStorage().replayStore;

  override claim(claim: ReplayClaim): ReplayOutcome | Promise<ReplayOutcome> {
    this.claims += 1;
    return this.#store.claim(claim);
  }

  override epochOf(): string {
    return this.#store.epochOf();
  }
}
