import { describe, expect, test } from '@jest/globals';
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

  test('makes room also where everything was used: the oldest goes', () => {
    const cache = new BoundedCache<number>({ maxEntries: 2, maxBytes: 100 });
    cache.set('a', 1, 1);
    cache.set('b', 2, 1);
    cache.get('b');
    cache.get('a');
    cache.set('c', 3, 1);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([undefined, 2, 3]);
  });

  test('of no entries keeps nothing', () => {
    const cache = new BoundedCache<number>({ maxEntries: 0, maxBytes: 0 });
    cache.set('a', 1, 0);
    expect(cache.get('a')).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test('does what a queue with second chances does, and never exceeds its bounds', () => {
    const bounds = { maxEntries: 4, maxBytes: 20 };
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    const set = fc.record({ op: fc.constant('set' as const), key, bytes: fc.integer({ min: 0, max: 24 }) });
    const get = fc.record({ op: fc.constant('get' as const), key });
    const remove = fc.record({ op: fc.constant('delete' as const), key });
    const steps = fc.array(fc.oneof(set, set, get, get, remove), { maxLength: 60 });
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
      { numRuns: 200 },
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
    while (this.#isFullWith(bytes)) {
      const [oldest, ...rest] = this.queue;
      this.queue = oldest?.used === true ? [...rest, { ...oldest, used: false }] : rest;
    }
    this.queue.push({ key, value, bytes, used: false });
  }

  #isFullWith(bytes: number): boolean {
    const total = this.queue.reduce((sum, item) => sum + item.bytes, bytes);
    return this.queue.length >= this.bounds.maxEntries || total > this.bounds.maxBytes;
  }
}
