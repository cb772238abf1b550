import { describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AuthGuard } from '@nestjs/passport';
import { DpopError } from '../errors/dpop.error.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { DpopStrategy } from './dpop.strategy.js';

const VERDICT = { jkt: 'thumbprint' } as DpopVerdict;
const authorize = () => Promise.resolve(VERDICT);

const lines: string[] = [];
const write = (text: unknown, ...rest: unknown[]): void =>
  void lines.push(`[${String(rest.at(-1))}] ${String(text)}`);
Logger.overrideLogger({ log: write, warn: write, error: write });

describe('the strategy of an app (D8)', () => {
  test('gives the verdict on the request', async () => {
    const strategy = new DpopStrategy();
    expect(await strategy.run({}, authorize)).toBe(VERDICT);
  });

  test('fails as the verification does', async () => {
    const refusal = new DpopError('proof_missing');
    await expect(new DpopStrategy().run({}, () => Promise.reject(refusal))).rejects.toBe(refusal);
  });

  test('hands the request to an override of validate', async () => {
    const seen: unknown[] = [];
    class WatchingStrategy extends DpopStrategy {
      override validate(...asked: Parameters<DpopStrategy['validate']>): Promise<DpopVerdict> {
        seen.push(asked[0]);
        return super.validate(...asked);
      }
    }
    const request = {};
    await new WatchingStrategy().run(request, authorize);
    expect(seen).toEqual([request]);
    expect(seen[0]).toBe(request);
  });

  const others: readonly (readonly [string, (validate: () => Promise<DpopVerdict>) => unknown])[] = [
    ['nothing, having asked nobody', () => undefined],
    ['a verdict of its own, having asked nobody', () => ({ ...VERDICT })],
    ['a copy of the verdict', async (validate) => ({ ...(await validate()) })],
  ];

  test.each(others)('lets nobody through where an override returns %s', async (_what, answer) => {
    class OwnStrategy extends DpopStrategy {
      override async validate(...asked: Parameters<DpopStrategy['validate']>): Promise<DpopVerdict> {
        return (await answer(() => super.validate(...asked))) as DpopVerdict;
      }
    }
    await expect(new OwnStrategy().run({}, authorize)).rejects.toMatchObject({
      name: 'DpopUnavailableError',
      reason: 'verdict_missing',
      advice:
        'the DpopStrategy of this app returned something else than the verdict on this request; ' +
        'return what super.validate() returns, and override handleRequest of DpopGuard to make a user of it',
    });
  });

  const words =
    '[DpopStrategy] answered 503: verdict_missing; the strategy "dpop" works through DpopGuard only: replace AuthGuard("dpop") by DpopGuard';
  const refusal = expect.objectContaining({
    statusCode: 503,
    cause: expect.objectContaining({ reason: 'verdict_missing' }) as unknown,
  });

  test.each([[undefined], [{}]])('asked with %p is 503, and says what to use', (options) => {
    lines.length = 0;
    // Lines are written for each app.
    const request = { app: {} };
    expect(() => new DpopStrategy().validate(request, options)).toThrow(refusal);
    expect(lines).toEqual([words]);
  });

  test("has a name in passport: AuthGuard('dpop') is 503, and says what to use", async () => {
    lines.length = 0;
    expect(new DpopStrategy()).toBeDefined();
    const Guard = AuthGuard('dpop');
    const context = new ExecutionContextHost([{ app: {} }, {}], DpopStrategy, authorize);
    await expect(new Guard().canActivate(context)).rejects.toEqual(refusal);
    expect(lines).toEqual([words]);
  });
});
