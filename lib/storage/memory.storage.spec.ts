import { describe, expect, test } from '@jest/globals';
import { MemoryStorage } from './memory.storage.js';
import type { ReplayClaim } from './replay.store.js';

const NOW = 1_700_000_000;

const claimAt = (id: string, nowSeconds: number): ReplayClaim => ({
  id: id.padEnd(43, 'A'),
  jkt: 'jkt',
  nowSeconds,
  proofTimeSeconds: nowSeconds,
  freshUntilSeconds: nowSeconds + 60,
  lifetimeSeconds: 90,
  epoch: undefined,
});

describe('storage in memory (F4)', () => {
  test('is of one process', () => {
    expect(new MemoryStorage().shared).toBe(false);
  });

  test('hands its options to the replay store', () => {
    const { replayStore } = new MemoryStorage({ maxEntries: 1 });
    expect(replayStore.claim(claimAt('a', NOW))).toBe('first');
    expect(() => replayStore.claim(claimAt('b', NOW))).toThrow(/cannot be verified/);
  });

  test('has records from the time at which it was opened, by the clock of the service (F6)', () => {
    const storage = new MemoryStorage({ afterDataLoss: 'challenge' });
    storage.open(undefined, () => NOW * 1000);
    expect(storage.replayStore.claim(claimAt('a', NOW + 1))).toBe('unknown');
    expect(storage.replayStore.claim(claimAt('b', NOW + 31))).toBe('first');
  });
});
