import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { RevocationCheck } from '../revocation/revocation-check.js';
import { RevocationChecker } from '../revocation/revocation.checker.js';
import { createVerdict, type DpopVerdict } from '../verification/verdict.js';
import { DpopSessions } from './dpop-sessions.js';

class Answering extends RevocationChecker {
  asked = 0;

  constructor(private readonly answer: () => boolean | Promise<boolean>) {
    super();
  }

  override isRevoked(): boolean | Promise<boolean> {
    this.asked += 1;
    return this.answer();
  }
}

const clock = new HandClock();
const opened: DpopSessions[] = [];

afterEach(() => {
  for (const sessions of opened.splice(0)) sessions.close();
});

function open(checker?: RevocationChecker): DpopSessions {
  const sessions = new DpopSessions(clock.read, checker && new RevocationCheck(checker, 'refuse'));
  opened.push(sessions);
  return sessions;
}

function verdictUntil(exp?: number): DpopVerdict {
  return createVerdict('DPoP', 'token', { ...(exp !== undefined && { exp }) }, 'jkt');
}

/** Lets each session ask once. */
async function tickAllTurns(sessions: DpopSessions): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) sessions.tick();
  await new Promise(setImmediate);
}

describe('a session that outlives its request (J1)', () => {
  test('ends once, at the very second at which its token expires', () => {
    const sessions = open();
    const ended: string[] = [];
    const nowSeconds = clock.ms / 1000;
    sessions.watch(verdictUntil(nowSeconds + 60), (reason) => ended.push(reason));
    sessions.watch(verdictUntil(), (reason) => ended.push(`without exp: ${reason}`));
    clock.advanceSeconds(59.999);
    sessions.tick();
    expect(ended).toStrictEqual([]);
    clock.advanceSeconds(0.001);
    sessions.tick();
    sessions.tick();
    expect(ended).toEqual(['token_expired']);
  });

  test('that has ended by itself is not ended again', () => {
    const sessions = open();
    const ended: string[] = [];
    const stop = sessions.watch(verdictUntil(clock.ms / 1000), (reason) => ended.push(reason));
    stop();
    sessions.tick();
    expect(ended).toStrictEqual([]);
  });

  test('ends once its token is revoked, and asks once in five ticks', async () => {
    let isRevoked = false;
    const checker = new Answering(() => isRevoked);
    const sessions = open(checker);
    const ended: string[] = [];
    sessions.watch(verdictUntil(), (reason) => ended.push(reason));
    await tickAllTurns(sessions);
    expect([checker.asked, ended]).toEqual([1, []]);
    isRevoked = true;
    await tickAllTurns(sessions);
    expect(ended).toEqual(['token_revoked']);
  });

  test('outlives a short failure of the checker, and ends with a long one', async () => {
    let isDown = true;
    const checker = new Answering(() => (isDown ? Promise.reject(new Error('down')) : false));
    const sessions = open(checker);
    const ended: string[] = [];
    sessions.watch(verdictUntil(), (reason) => ended.push(reason));
    await tickAllTurns(sessions);
    await tickAllTurns(sessions);
    isDown = false;
    await tickAllTurns(sessions);
    isDown = true;
    await tickAllTurns(sessions);
    await tickAllTurns(sessions);
    expect(ended).toStrictEqual([]);
    await tickAllTurns(sessions);
    expect(ended).toEqual(['revocation_unavailable']);
  });

  test('is not asked about again while the checker has not answered', () => {
    const checker = new Answering(() => new Promise(() => undefined));
    const sessions = open(checker);
    sessions.watch(verdictUntil(), () => undefined);
    for (let tick = 0; tick < 20; tick += 1) sessions.tick();
    expect(checker.asked).toBe(1);
  });

  test('whose end throws does not keep the others open', () => {
    const sessions = open();
    const ended: string[] = [];
    const nowSeconds = clock.ms / 1000;
    sessions.watch(verdictUntil(nowSeconds), () => {
      throw new Error('closed already');
    });
    sessions.watch(verdictUntil(nowSeconds), (reason) => ended.push(reason));
    sessions.tick();
    expect(ended).toEqual(['token_expired']);
  });

  test('that has ended while the checker was asked is not ended again', async () => {
    let answer = (_isRevoked: boolean): void => undefined;
    const checker = new Answering(() => new Promise((resolve) => (answer = resolve)));
    const sessions = open(checker);
    const ended: string[] = [];
    const stop = sessions.watch(verdictUntil(), (reason) => ended.push(reason));
    await tickAllTurns(sessions);
    stop();
    answer(true);
    await new Promise(setImmediate);
    expect(ended).toStrictEqual([]);
  });

  test('is asked about again once the checker has answered', async () => {
    const checker = new Answering(() => false);
    const sessions = open(checker);
    sessions.watch(verdictUntil(), () => undefined);
    await tickAllTurns(sessions);
    await tickAllTurns(sessions);
    expect(checker.asked).toBe(2);
  });

  test('asks in a turn of its own', async () => {
    const checker = new Answering(() => false);
    const sessions = open(checker);
    for (let count = 0; count < 5; count += 1) sessions.watch(verdictUntil(), () => undefined);
    for (let tick = 1; tick <= 5; tick += 1) {
      sessions.tick();
      await new Promise(setImmediate);
      expect(checker.asked).toBe(tick);
    }
  });

  test('asks nobody in a service without revocation', async () => {
    const sessions = open();
    const ended: string[] = [];
    sessions.watch(verdictUntil(), (reason) => ended.push(reason));
    for (let turn = 0; turn < 4; turn += 1) await tickAllTurns(sessions);
    expect(ended).toStrictEqual([]);
  });
});

describe('the timer of all sessions (J1)', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test('is one, looks each second, and ends with the last session', () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
    const sessions = open();
    const ended: string[] = [];
    const nowSeconds = clock.ms / 1000;
    expect(jest.getTimerCount()).toBe(0);
    const stop = sessions.watch(verdictUntil(), (reason) => ended.push(reason));
    sessions.watch(verdictUntil(nowSeconds), (reason) => ended.push(reason));
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(999);
    expect(ended).toStrictEqual([]);
    jest.advanceTimersByTime(1);
    expect(ended).toEqual(['token_expired']);
    expect(jest.getTimerCount()).toBe(1);
    stop();
    expect(jest.getTimerCount()).toBe(0);
    sessions.watch(verdictUntil(nowSeconds), (reason) => ended.push(reason));
    jest.advanceTimersByTime(1000);
    expect(ended).toHaveLength(2);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('ends when the service ends, with all sessions', () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date'] });
    const sessions = open();
    const ended: string[] = [];
    for (let count = 0; count < 2; count += 1)
      sessions.watch(verdictUntil(clock.ms / 1000), (reason) => ended.push(reason));
    sessions.close();
    sessions.tick();
    expect(jest.getTimerCount()).toBe(0);
    expect(ended).toStrictEqual([]);
  });
});
