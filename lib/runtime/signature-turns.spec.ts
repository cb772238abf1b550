import { setImmediate } from 'node:timers';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { MAX_WAITING, SIGNATURES_IN_A_TURN, signatureTurn } from './signature-turns.js';

const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('signatures do not block the event loop', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test('a few callers proceed at the end of a turn, in their order, and the others later', async () => {
    const count = 2 * SIGNATURES_IN_A_TURN + 1;
    const done: number[] = [];
    const all = Array.from({ length: count }, (_, i) => signatureTurn().then(() => done.push(i)));
    await Promise.resolve();
    expect(done).toHaveLength(0);
    const afterEachTurn: number[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      await endOfTurn();
      afterEachTurn.push(done.length);
    }
    expect(afterEachTurn).toEqual([SIGNATURES_IN_A_TURN, 2 * SIGNATURES_IN_A_TURN, count, count]);
    expect(done).toEqual(Array.from({ length: count }, (_, i) => i));
    await Promise.all(all);
  });

  test('a later caller waits behind the earlier ones', async () => {
    const done: string[] = [];
    const early = Array.from({ length: SIGNATURES_IN_A_TURN + 1 }, () =>
      signatureTurn().then(() => done.push('early')),
    );
    await endOfTurn();
    const late = signatureTurn().then(() => done.push('late'));
    await Promise.all([...early, late]);
    expect(done.at(-1)).toBe('late');
  });

  test('when a thousand wait, a further caller proceeds at once', async () => {
    const all = Array.from({ length: MAX_WAITING }, () => signatureTurn());
    const done: string[] = [];
    const [next, beyond] = [all.at(-1)?.then(() => done.push('waits')), signatureTurn()];
    await beyond;
    expect(done).toHaveLength(0);
    await Promise.all([...all, next]);
    expect(done).toEqual(['waits']);
  });

  test('when none waits, no turn is planned', async () => {
    await Promise.all(Array.from({ length: SIGNATURES_IN_A_TURN }, () => signatureTurn()));
    expect(process.getActiveResourcesInfo()).not.toContain('Immediate');
    await Promise.all(Array.from({ length: SIGNATURES_IN_A_TURN + 1 }, () => signatureTurn()));
    expect(process.getActiveResourcesInfo()).not.toContain('Immediate');
  });

  test('fake timers of an app’s tests do not stop it', async () => {
    jest.useFakeTimers();
    await Promise.all(Array.from({ length: 3 * SIGNATURES_IN_A_TURN }, () => signatureTurn()));
    expect(jest.getTimerCount()).toBe(0);
  });
});
