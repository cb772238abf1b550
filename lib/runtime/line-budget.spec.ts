import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LineBudget } from './line-budget.js';

describe('a flood of refusals is not a flood of lines (D9)', () => {
  const start = () => {
    const clock = { nowMs: Date.parse('2030-01-01T00:00:00Z') };
    return { clock, budget: new LineBudget(() => clock.nowMs) };
  };
  const takeAll = (budget: LineBudget, count: number, subject = 'a'): number =>
    Array.from({ length: count }, () => budget.take('proof_replayed', subject)).filter(Boolean).length;

  test('ten lines about one subject, thirty of one kind, again after a minute', () => {
    const { clock, budget } = start();
    expect(takeAll(budget, 1000)).toBe(10);
    expect(takeAll(budget, 1000, 'b')).toBe(10);
    expect(takeAll(budget, 5, 'c')).toBe(5);
    expect(takeAll(budget, 1000, 'd')).toBe(5);
    expect(takeAll(budget, 1000, 'e')).toBe(0);
    expect(budget.take('proof_htu', 'a')).toBe(true);
    clock.nowMs += 59_999;
    expect(takeAll(budget, 1)).toBe(0);
    clock.nowMs += 1;
    expect(budget.take('proof_replayed', 'a')).toBe(true);
    expect(takeAll(budget, 1000)).toBe(9);
  });

  test('what was left out so far is told at the end, and not again', () => {
    const { clock, budget } = start();
    takeAll(budget, 10);
    expect(budget.takeAllOmissions()).toStrictEqual([]);
    takeAll(budget, 12);
    expect(budget.takeAllOmissions()).toEqual([{ kind: 'proof_replayed', count: 2, sinceMs: clock.nowMs }]);
    clock.nowMs += 60_000;
    expect(budget.takeAllOmissions()).toStrictEqual([]);
    expect(budget.takeOmissions()).toStrictEqual([]);
  });

  test('what was left out is told once, when its minute is over', () => {
    const { clock, budget } = start();
    const sinceMs = clock.nowMs;
    takeAll(budget, 10);
    clock.nowMs += 60_000;
    expect(budget.takeOmissions()).toStrictEqual([]);
    clock.nowMs = sinceMs;
    takeAll(budget, 1244);
    expect(budget.takeOmissions()).toStrictEqual([]);
    clock.nowMs += 60_000;
    expect(budget.takeOmissions()).toEqual([{ kind: 'proof_replayed', count: 1234, sinceMs }]);
    expect(budget.takeOmissions()).toStrictEqual([]);
    takeAll(budget, 11);
    clock.nowMs += 600_000;
    takeAll(budget, 10);
    expect(budget.takeOmissions()).toEqual([{ kind: 'proof_replayed', count: 1, sinceMs: sinceMs + 60_000 }]);
  });

  test('a clock that is set back does not silence it', () => {
    const { clock, budget } = start();
    takeAll(budget, 100);
    clock.nowMs -= 3_600_000;
    expect(takeAll(budget, 100)).toBe(10);
  });

  test('no request is forgotten: lines and omissions add up', () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom('x', 'y'), fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(90_000)),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(steps, (requests) => {
        const { clock, budget } = start();
        let told = 0;
        for (const [kind, subject, laterMs] of requests) {
          clock.nowMs += laterMs < 80_000 ? 10 : laterMs;
          if (budget.take(kind, subject)) told += 1;
        }
        clock.nowMs += 60_000;
        const omitted = budget.takeOmissions().reduce((sum, { count }) => sum + count, 0);
        expect(told + omitted).toBe(requests.length);
      }),
    );
  });
});
