import { type DpopStorage, MemoryStorage } from 'nestjs-dpop';

/** A memory that counts as shared, and so warns of nothing at start. */
export function sharedMemory(): DpopStorage {
  return { replayStore: new MemoryStorage().replayStore, shared: true };
}
