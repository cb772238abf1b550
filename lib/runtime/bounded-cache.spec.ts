import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundedCache, type CacheBounds } from './bounded-cache.js';

describe('a bounded cache', () => {
  test('forgets what was not used lately', () => {
    const cache = new BoundedCache<number>({ maxEntries: 2, maxBytes: 100 });
    cache.set('a', 1, 1);
    cache.set('b', 2, 1);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3, 1);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
  });

  test('spares an entry once for one use', () => {
    const cache = new BoundedCache<number>({ maxEntries: 2, maxBytes: 100 });
    cache.set('a', 1, 1);
    cache.set('b', 2, 1);
    cache.get('a');
    cache.set('c', 3, 1);
    cache.set('d', 4, 1);
    expect([cache.get('a'), cache.get('c'), cache.get('d')]).toEqual([undefined, 3, 4]);
  });

  test('makes room also where everything was used: the oldest goes', () => {
    const cache = new BoundedCache<number>({ maxEntries: 2, maxBytes: 100 });
    cache.set('a', 1, 1);
    cache.set('b', 2, 1);
    cache.get('b');
    cache.get('a');
    cache.set('c', 3, 1);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, 2, 3]);
  });

  describe('makes room in few steps, however many entries are marked', () => {
    const SIZE = 1000;

    function createUsed(): BoundedCache<number> {
      const cache = new BoundedCache<number>({ maxEntries: SIZE, maxBytes: 10 * SIZE });
      for (let i = 0; i < SIZE; i += 1) cache.set(`${i}`, i, 10);
      for (let i = 0; i < SIZE; i += 1) cache.get(`${i}`);
      return cache;
    }

    /** Steps are moves and removals: each takes an entry out of the map. */
    function countSteps(action: () => void): number {
      const removals = jest.spyOn(Map.prototype, 'delete');
      try {
        action();
        return removals.mock.calls.length;
      } finally {
        removals.mockRestore();
      }
    }

    test('eight entries are spared, the ninth goes', () => {
      const cache = createUsed();
      expect(countSteps(() => cache.set('new', -1, 10))).toBe(9);
      expect(cache.size).toBe(SIZE);
      expect(cache.get('7')).toBe(7);
      expect(cache.get('8')).toBeUndefined();
      expect(cache.get('9')).toBe(9);
      expect(cache.get('new')).toBe(-1);
    });

    test('also for each of many in a row', () => {
      const cache = createUsed();
      for (let i = 0; i < 3 * SIZE; i += 1) {
        expect(countSteps(() => cache.set(`new ${i}`, i, 10))).toBeLessThanOrEqual(9);
        cache.get(`new ${i}`);
        expect(cache.size).toBe(SIZE);
      }
    });

    test('also where room is needed for the bytes of many entries', () => {
      const cache = createUsed();
      expect(countSteps(() => cache.set('large', -1, 200))).toBe(8 + 20);
      expect(cache.size).toBe(SIZE - 20 + 1);
    });

    test('also where most of them were deleted before', () => {
      const cache = createUsed();
      for (let i = 0; i < SIZE; i += 2) cache.delete(`${i}`);
      for (let i = 0; i < SIZE / 2; i += 1) cache.set(`new ${i}`, i, 10);
      expect(countSteps(() => cache.set('one more', -1, 10))).toBeLessThanOrEqual(9);
      expect(cache.size).toBe(SIZE);
    });
  });

  test('keeps an entry that takes all bytes, and none that takes more', () => {
    const cache = new BoundedCache<number>({ maxEntries: 2, maxBytes: 10 });
    cache.set('a', 1, 10);
    expect(cache.get('a')).toBe(1);
    cache.set('b', 2, 11);
    expect([cache.get('a'), cache.get('b')]).toEqual([1, undefined]);
    cache.set('c', 3, 10);
    expect([cache.get('a'), cache.get('c')]).toEqual([undefined, 3]);
    cache.set('c', 4, 11);
    expect(cache.size).toBe(0);
  });

  test('of no entries keeps nothing', () => {
    const cache = new BoundedCache<number>({ maxEntries: 0, maxBytes: 0 });
    cache.set('a', 1, 0);
    expect(cache.get('a')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test('does what a queue with second chances does, and never exceeds its bounds', () => {
    const bounds = { maxEntries: 12, maxBytes: 40 };
    const key = fc.constantFrom(...Array.from({ length: 16 }, (_, i) => `${i}`));
    const set = fc.record({ op: fc.constant('set' as const), key, bytes: fc.integer({ min: 0, max: 24 }) });
    const get = fc.record({ op: fc.constant('get' as const), key });
    const remove = fc.record({ op: fc.constant('delete' as const), key });
    const steps = fc.array(fc.oneof(set, set, get, get, remove), { maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(steps, (taken) => {
        const cache = new BoundedCache<number>(bounds);
        const model = new SecondChances(bounds);
        for (const [value, step] of taken.entries()) {
          if (step.op === 'delete') {
            cache.delete(step.key);
            model.delete(step.key);
          } else if (step.op === 'get') expect(cache.get(step.key)).toBe(model.get(step.key));
          else {
            cache.set(step.key, value, step.bytes);
            model.set(step.key, value, step.bytes);
          }
          expect(cache.size).toBe(model.queue.length);
        }
        for (const item of model.queue) expect(cache.get(item.key)).toBe(item.value);
      }),
      { numRuns: 50 },
    );
  });
});

/** The slow and obvious way. */
class SecondChances {
  queue: { readonly key: string; readonly value: number; readonly bytes: number; used: boolean }[] = [];

  constructor(private readonly bounds: CacheBounds) {}

  get(key: string): number | undefined {
    const item = this.queue.find((candidate) => candidate.key === key);
    if (item !== undefined) item.used = true;
    return item?.value;
  }

  delete(key: string): void {
    this.queue = this.queue.filter((item) => item.key !== key);
  }

  set(key: string, value: number, bytes: number): void {
    this.delete(key);
    if (bytes > this.bounds.maxBytes) return;
    let chances = 8;
    while (this.#isFullWith(bytes)) {
      const [oldest, ...rest] = this.queue;
      const spared = oldest?.used === true && chances > 0;
      if (spared) chances -= 1;
      this.queue = spared ? [...rest, { ...oldest, used: false }] : rest;
    }
    this.queue.push({ key, value, bytes, used: false });
  }

  #isFullWith(bytes: number): boolean {
    const total = this.queue.reduce((sum, item) => sum + item.bytes, bytes);
    return this.queue.length >= this.bounds.maxEntries || total > this.bounds.maxBytes;
  }
}
