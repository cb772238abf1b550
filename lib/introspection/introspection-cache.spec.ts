import { beforeEach, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { type IntrospectedToken, IntrospectionCache } from './introspection-cache.js';
import { PAUSE_SECONDS, RequestPause } from './request-pause.js';

let clock: HandClock;

beforeEach(() => {
  clock = new HandClock();
});

const GENERATION = {};

const token = (changes: Partial<IntrospectedToken> = {}): IntrospectedToken => ({
  claims: {},
  askedAtMs: clock.ms,
  bytes: 1,
  generation: GENERATION,
  ...changes,
});

describe('a token that was introspected a moment ago (B7)', () => {
  test('is known for the seconds of the option, counted from the question', () => {
    const cache = new IntrospectionCache(5, 10, clock.read);
    const asked = token();
    clock.advanceSeconds(2);
    cache.set('ath', asked);
    clock.advanceSeconds(2.999);
    expect(cache.get('ath', GENERATION)).toBe(asked);
    expect(cache.get('other', GENERATION)).toBeUndefined();
    clock.advanceSeconds(0.001);
    expect(cache.get('ath', GENERATION)).toBeUndefined();
    // Once and for all.
    clock.advanceSeconds(-1);
    expect(cache.get('ath', GENERATION)).toBeUndefined();
  });

  test('is known up to its exp at most', () => {
    const cache = new IntrospectionCache(60, 10, clock.read);
    cache.set('ath', token({ claims: { exp: clock.ms / 1000 + 5 } }));
    clock.advanceSeconds(4.999);
    expect(cache.get('ath', GENERATION)).toBeDefined();
    clock.advanceSeconds(0.001);
    expect(cache.get('ath', GENERATION)).toBeUndefined();
    cache.set('late', token({ claims: { exp: clock.ms / 1000 } }));
    clock.advanceSeconds(-1);
    expect(cache.get('late', GENERATION)).toBeUndefined();
  });

  test('is not known once the clock was set back', () => {
    const cache = new IntrospectionCache(60, 10, clock.read);
    cache.set('ath', token());
    clock.advanceSeconds(-0.001);
    expect(cache.get('ath', GENERATION)).toBeUndefined();
  });

  test('is not known under other keys', () => {
    const cache = new IntrospectionCache(60, 10, clock.read);
    cache.set('ath', token());
    expect(cache.get('ath', {})).toBeUndefined();
    expect(cache.get('ath', GENERATION)).toBeUndefined();
  });

  test('is not kept by a cache of no seconds or of no tokens', () => {
    for (const [seconds, tokens] of [
      [0, 10],
      [60, 0],
    ] as const) {
      const cache = new IntrospectionCache(seconds, tokens, clock.read);
      cache.set('ath', token());
      expect(cache.get('ath', GENERATION)).toBeUndefined();
    }
  });

  test('takes no place if it is late', () => {
    const cache = new IntrospectionCache(60, 1, clock.read);
    cache.set('ath', token());
    cache.set('late', token({ claims: { exp: clock.ms / 1000 } }));
    expect(cache.get('ath', GENERATION)).toBeDefined();
  });

  test('takes its bytes, of 4096 for each token', () => {
    const cache = new IntrospectionCache(60, 2, clock.read);
    cache.set('ath', token({ bytes: 8192 }));
    expect(cache.get('ath', GENERATION)).toBeDefined();
    cache.set('large', token({ bytes: 8193 }));
    expect(cache.get('large', GENERATION)).toBeUndefined();
    cache.set('one', token());
    cache.set('two', token());
    cache.set('three', token());
    expect(['ath', 'one', 'two', 'three'].filter((ath) => cache.get(ath, GENERATION))).toHaveLength(2);
  });
});

describe('a pause after a failure of the issuer (B8)', () => {
  const failing = (problem: Error) => (): Promise<never> => Promise.reject(problem);
  const answering = () => Promise.resolve('answer');
  const down = new OutboundError('down');
  const PAUSED = (message: string) => `the last request failed less than ${PAUSE_SECONDS} s ago: ${message}`;

  test('lasts a second, and tells the failure', async () => {
    const pause = new RequestPause(clock.read);
    expect(PAUSE_SECONDS).toBe(1);
    await expect(pause.send(failing(down))).rejects.toBe(down);
    clock.advanceSeconds(0.999);
    await expect(pause.send(answering)).rejects.toThrow(new OutboundError(PAUSED('down')));
    clock.advanceSeconds(0.001);
    expect(await pause.send(answering)).toBe('answer');
    expect(await pause.send(answering)).toBe('answer');
  });

  test('ends when the clock is set back', async () => {
    const pause = new RequestPause(clock.read);
    await expect(pause.send(failing(down))).rejects.toBe(down);
    clock.advanceSeconds(-1);
    expect(await pause.send(answering)).toBe('answer');
  });

  test('tells nothing of an error of others', async () => {
    const pause = new RequestPause(clock.read);
    const other = new Error('quoted');
    await expect(pause.send(failing(other))).rejects.toBe(other);
    await expect(pause.send(answering)).rejects.toThrow(new OutboundError(PAUSED('the request failed')));
  });

  test('does not begin if another request was answered meanwhile', async () => {
    const pause = new RequestPause(clock.read);
    let fail = (_error: Error): void => undefined;
    const slow = pause.send(() => new Promise((_resolve, reject) => (fail = reject)));
    expect(await pause.send(answering)).toBe('answer');
    fail(down);
    await expect(slow).rejects.toBe(down);
    expect(await pause.send(answering)).toBe('answer');
  });
});
