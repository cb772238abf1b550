import { describe, expect, test } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { awaitAppUser, isRefusalOfApp } from './app-user.js';

describe('the user that an app makes of a verdict', () => {
  test('is what handleRequest returns, or what its promise settles to (D8)', async () => {
    const user = {};
    expect(await awaitAppUser('UsersGuard', () => user)).toBe(user);
    expect(await awaitAppUser('UsersGuard', () => Promise.resolve(user))).toBe(user);
  });

  test.each([[undefined], [null], [false], [''], [0], [Number.NaN]])(
    'is not %p: the operator is told how to refuse (D8)',
    async (nobody) => {
      for (const handleRequest of [() => nobody, () => Promise.resolve(nobody)]) {
        await expect(awaitAppUser('UsersGuard', handleRequest)).rejects.toMatchObject({
          name: 'DpopUnavailableError',
          reason: 'internal_failure',
          advice:
            'handleRequest of UsersGuard returned no user; to refuse the request, throw ForbiddenException',
        });
      }
    },
  );

  const refusals: readonly (readonly [string, Error])[] = [
    ['an answer of 400', new HttpException('', 400)],
    ['an answer of 499', new HttpException('', 499)],
    ['a refusal of this library', new DpopError('token_invalid')],
  ];

  test.each(refusals)('may be refused with %s (D2)', async (_what, refusal) => {
    const handleRequest = () => Promise.reject(refusal);
    await expect(awaitAppUser('UsersGuard', handleRequest)).rejects.toBe(refusal);
  });

  const failures: readonly (readonly [string, unknown])[] = [
    ['an answer of 302', new HttpException('', 302)],
    ['an answer of 399', new HttpException('', 399)],
    ['an answer of 500', new HttpException('', 500)],
    ['any other error', new Error('down')],
    ['nothing', undefined],
    ['a failure of this library', new DpopUnavailableError('issuer_unavailable')],
  ];

  test.each(failures)('is out of reach with %s (D8)', async (_what, cause) => {
    await expect(awaitAppUser('UsersGuard', () => Promise.reject(cause))).rejects.toMatchObject({
      name: 'DpopUnavailableError',
      reason: 'internal_failure',
      advice: 'handleRequest of UsersGuard failed',
      cause,
    });
  });

  test('is refused by exceptions of HTTP alone (D8)', () => {
    const lookalike = { getStatus: () => 403 };
    expect([new HttpException('', 403), lookalike, undefined].map(isRefusalOfApp)).toEqual([
      true,
      false,
      false,
    ]);
  });
});
