import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { timeClaim } from './replay-claims.js';

/** Operators subscribe by this name. */
const CHANNEL = 'nestjs-dpop:replay-claim';

describe('claims at the replay store (D6)', () => {
  const published: unknown[] = [];
  const listener = (message: unknown): void => void published.push(message);

  afterEach(() => {
    unsubscribe(CHANNEL, listener);
    published.length = 0;
  });

  test('are not measured without a subscriber, and the answer is not waited for', () => {
    const measured = jest.spyOn(performance, 'now');
    try {
      expect(timeClaim(() => 'first')).toBe('first');
      expect(measured).not.toHaveBeenCalled();
    } finally {
      measured.mockRestore();
    }
  });

  test.each(['first', 'replayed', 'unknown'])('are told with their outcome: %s', async (outcome) => {
    subscribe(CHANNEL, listener);
    expect(await timeClaim(() => outcome)).toBe(outcome);
    expect(await timeClaim(async () => outcome)).toBe(outcome);
    const claim = { outcome, durationMs: expect.any(Number) };
    expect(published).toEqual([claim, claim]);
  });

  test.each([undefined, null, 'else', 7])('have failed if the store answers %p', async (answer) => {
    subscribe(CHANNEL, listener);
    expect(await timeClaim(() => answer)).toBe(answer);
    expect(published).toMatchObject([{ outcome: 'failed' }]);
  });

  test('have failed if the store fails, and the failure is passed on', async () => {
    subscribe(CHANNEL, listener);
    const failure = new Error('no connection');
    await expect(timeClaim(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(published).toMatchObject([{ outcome: 'failed' }]);
  });

  test('have the time that the request waited', async () => {
    subscribe(CHANNEL, listener);
    const measured = jest.spyOn(performance, 'now').mockReturnValueOnce(500).mockReturnValueOnce(512);
    try {
      await timeClaim(() => 'first');
    } finally {
      measured.mockRestore();
    }
    expect(published).toMatchObject([{ durationMs: 12 }]);
  });
});
