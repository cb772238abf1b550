import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { DeadlineError, Deadlines } from './deadlines.js';

const DEADLINE_MS = 50;

describe('a deadline for work (F5)', () => {
  let deadlines: Deadlines;
  let outcomes: string[];

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    deadlines = new Deadlines(DEADLINE_MS);
    outcomes = [];
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Starts work that takes so long; its outcome is recorded under its name. */
  function begin(name: string, takesMs = Infinity): void {
    const work = () =>
      new Promise<string>((resolve) => {
        if (takesMs !== Infinity) setTimeout(resolve, takesMs, 'done');
      });
    deadlines.limit(work).then(
      (outcome) => outcomes.push(`${name} ${outcome}`),
      (error: unknown) => outcomes.push(`${name} ${error instanceof DeadlineError ? 'late' : 'failed'}`),
    );
  }

  async function pass(ms: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }

  test('the work is told when it is due, by the clock of performance.now()', async () => {
    await pass(1234);
    const now = performance.now();
    const due = new Promise((resolve) => {
      void deadlines.limit((dueMs) => {
        resolve(dueMs);
        return Promise.resolve();
      });
    });
    expect(await due).toBe(now + DEADLINE_MS);
  });

  test('work in time has its outcome, a value or an error', async () => {
    expect(await deadlines.limit(() => Promise.resolve(7))).toBe(7);
    const error = new Error('failed');
    await expect(deadlines.limit(() => Promise.reject(error))).rejects.toBe(error);
    const thrown = new Error('thrown');
    const throwing = () => {
      throw thrown;
    };
    await expect(deadlines.limit(throwing)).rejects.toBe(thrown);
  });

  test('work without an outcome is rejected when it is due, and not before', async () => {
    const failure = deadlines.limit(() => new Promise(() => {})).catch((error: unknown) => error);
    begin('work');
    await pass(DEADLINE_MS - 1);
    expect(outcomes).toStrictEqual([]);
    await pass(1);
    expect(outcomes).toEqual(['work late']);
    expect(await failure).toMatchObject({ name: 'DeadlineError', message: 'no answer within 50 ms' });
  });

  test('all work is rejected at its own time, in the order in which it began', async () => {
    begin('a');
    await pass(10);
    begin('b', 30);
    begin('c');
    await pass(15);
    begin('d');
    await pass(24);
    expect(outcomes).toEqual(['b done']);
    await pass(1);
    expect(outcomes).toEqual(['b done', 'a late']);
    await pass(9);
    expect(outcomes).toHaveLength(2);
    await pass(1);
    expect(outcomes).toEqual(['b done', 'a late', 'c late']);
    await pass(14);
    expect(outcomes).toHaveLength(3);
    await pass(1);
    expect(outcomes).toEqual(['b done', 'a late', 'c late', 'd late']);
  });

  test('one timer serves all work, and none is left without work', async () => {
    for (const name of ['a', 'b', 'c']) begin(name);
    expect(jest.getTimerCount()).toBe(1);
    await pass(DEADLINE_MS);
    expect(jest.getTimerCount()).toBe(0);
    begin('d');
    expect(jest.getTimerCount()).toBe(1);
    await pass(DEADLINE_MS);
    expect(outcomes.at(-1)).toBe('d late');
  });

  test('work that has ended asks for no timer, whether it succeeded or failed', async () => {
    await deadlines.limit(() => Promise.resolve());
    await deadlines.limit(() => Promise.reject(new Error('failed'))).catch(() => undefined);
    await pass(DEADLINE_MS);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('an answer that came in time while a long task blocked the process counts', async () => {
    let answer: (value: string) => void = () => undefined;
    const outcome = deadlines.limit(() => new Promise<string>((resolve) => (answer = resolve)));
    jest.advanceTimersByTime(DEADLINE_MS);
    // The timer has run. The process reads the answer before it runs what `setImmediate` has put off.
    answer('in time');
    await pass(0);
    expect(await outcome).toBe('in time');
  });

  test('nothing is kept of work that has ended, nor of work that is late', async () => {
    const add = jest.spyOn(Set.prototype, 'add');
    begin('a', 10);
    void deadlines.limit(() => Promise.reject(new Error('failed'))).catch(() => undefined);
    begin('b');
    const pending = add.mock.contexts[0] as ReadonlySet<unknown>;
    add.mockRestore();
    expect(pending.size).toBe(3);
    await pass(10);
    expect(pending.size).toBe(1);
    await pass(DEADLINE_MS);
    expect(pending.size).toBe(0);
  });

  test('its timer does not keep the process alive', async () => {
    const timers = jest.spyOn(globalThis, 'setTimeout');
    begin('a');
    const timer = timers.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    timers.mockRestore();
    await pass(DEADLINE_MS);
  });
});
