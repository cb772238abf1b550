import { describe, expect, test } from '@jest/globals';
import { askApp } from './app-answer.js';
import { DpopError, DpopUnavailableError } from './dpop.error.js';

const ask = (answer: () => unknown): unknown => askApp('the question', answer);

describe('a question to the app (B11, B13)', () => {
  test.each([true, false])('%p is an answer, at once and by a promise', async (answer) => {
    expect(ask(() => answer)).toBe(answer);
    const promised = ask(() => Promise.resolve(answer));
    expect(promised).toBeInstanceOf(Promise);
    expect(await promised).toBe(answer);
  });

  test.each([undefined, null, 0, 1, '', 'true', Symbol('yes'), () => true])(
    '%p is no answer, at once and by a promise',
    async (answer) => {
      const kind = answer === null ? 'null' : typeof answer;
      const advice = `the question must return true or false; it returned ${kind}`;
      const failure = { reason: 'internal_failure', advice };
      expect(() => ask(() => answer)).toThrow(expect.objectContaining(failure));
      await expect(ask(() => Promise.resolve(answer))).rejects.toMatchObject(failure);
    },
  );

  test.each([{}, [true], new Boolean(true)])('%p is no answer, nor is it awaited in vain', async (answer) => {
    await expect(ask(() => answer)).rejects.toMatchObject({ reason: 'internal_failure' });
  });

  test.each([
    ['an error', new Error('text')],
    ['a refusal of this library', new DpopError('token_invalid')],
  ])('%s that is thrown is a failure, with its cause', async (_what, thrown: Error) => {
    const failure = { reason: 'internal_failure', advice: 'the question threw an error', cause: thrown };
    const throwing = (): never => {
      throw thrown;
    };
    expect(() => ask(throwing)).toThrow(expect.objectContaining(failure));
    await expect(ask(() => Promise.reject(thrown))).rejects.toMatchObject(failure);
  });

  test('a failure that the app explains itself is passed on', async () => {
    const failure = new DpopUnavailableError('internal_failure', { advice: 'mine' });
    const throwing = (): never => {
      throw failure;
    };
    expect(() => ask(throwing)).toThrow(failure);
    await expect(ask(() => Promise.reject(failure))).rejects.toBe(failure);
  });
});
