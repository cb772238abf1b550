import { afterEach, describe, expect, test } from '@jest/globals';
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
    expect(ended).toEqual([]);
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
    expect(ended).toEqual([]);
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
    expect(ended).toEqual([]);
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
});
