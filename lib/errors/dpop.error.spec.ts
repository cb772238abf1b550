import { describe, expect, test } from '@jest/globals';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import { DpopError, DpopUnavailableError, toDpopError } from './dpop.error.js';

const hasFrames = ({ stack = '' }: Error): boolean => stack.includes('\n    at ');

test('an error has the name of its class', () => {
  expect(new DpopError('proof_htm').name).toBe('DpopError');
  expect(new DpopUnavailableError('internal_failure').name).toBe('DpopUnavailableError');
});

test('a failure has a sentence, which is that of a verification by default', () => {
  const { message } = new DpopUnavailableError('internal_failure');
  expect(message).toBe('The request cannot be verified at the moment');
  expect(new DpopUnavailableError('internal_failure', { sentence: 'x' }).message).toBe('x');
});

test('whatever is thrown is a refusal or a failure, and one of the app or of ours is a failure with its cause (D8)', () => {
  const refusal = new DpopError('proof_htm');
  const failure = new DpopUnavailableError('replay_store_full');
  expect([toDpopError(refusal), toDpopError(failure)]).toEqual([refusal, failure]);
  expect(toDpopError(refusal)).toBe(refusal);
  expect(toDpopError(failure)).toBe(failure);
  for (const cause of [new TypeError('app'), 'text', undefined])
    expect(toDpopError(cause)).toMatchObject({ status: 503, reason: 'internal_failure', cause });
});

describe('the stack of an error', () => {
  test('is captured for a failure of the service, not for a refusal', () => {
    const refusal = new DpopError('proof_htm');
    expect(hasFrames(refusal)).toBe(false);
    expect(hasFrames(new DpopHttpException(refusal))).toBe(false);
    expect(hasFrames(new DpopUnavailableError('internal_failure'))).toBe(true);
  });

  test('is captured for the errors of others as before', () => {
    const { stackTraceLimit } = Error;
    void new DpopHttpException(new DpopError('proof_htm'));
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect(hasFrames(new Error('of another'))).toBe(true);
  });

  test('is captured where the limit is frozen, and nothing is thrown but the refusal', () => {
    const limit = { value: Error.stackTraceLimit, configurable: true, enumerable: true };
    Object.defineProperty(Error, 'stackTraceLimit', { ...limit, writable: false });
    try {
      expect(hasFrames(new DpopHttpException(new DpopError('proof_htm')))).toBe(true);
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', { ...limit, writable: true });
    }
  });
});
