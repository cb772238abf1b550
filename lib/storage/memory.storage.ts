import { type Clock, systemClock } from '../runtime/clock.js';
import type { DpopStorage } from './dpop.storage.js';
import { MemoryReplayStore, type MemoryReplayStoreOptions } from './memory-replay.store.js';

/**
 * Storage in the memory of one process: the default. With several instances, a proof could be used once on each of them;
 * use `RedisStorage` of `nestjs-dpop/redis` there.
 */
export class MemoryStorage implements DpopStorage {
  readonly shared = false;
  readonly replayStore: MemoryReplayStore;

  constructor(options: MemoryReplayStoreOptions = {}) {
    this.replayStore = new MemoryReplayStore(options);
  }

  open(_warn?: (text: string) => void, clock: Clock = systemClock): void {
    this.replayStore.start(clock() / 1000);
  }
}
