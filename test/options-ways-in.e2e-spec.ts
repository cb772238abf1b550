import { describe, expect, test } from '@jest/globals';
import { DpopModule } from 'nestjs-dpop';
import { GOOD } from './options/good-options.js';
import { forRoot, forRootAsync, messageOf, start } from './options/start-with.js';

describe('the ways in', () => {
  test('forRoot() without options', () => {
    expect(() => forRoot()).toThrow(TypeError);
    expect(() => forRoot()).toThrow(/DpopModule.* must be .*object/);
  });

  test.each([
    [undefined],
    [null],
    [{}],
    [{ useFactroy: () => GOOD }],
    [{ useFactory: () => GOOD, useClass: class Factory {} }],
    [{ inject: [] }],
    [{ useFactory: undefined }],
  ])('forRootAsync(%p) names the ways there are', async (options) => {
    const message = await messageOf(async () => await start(forRootAsync(options)));
    expect(message).toContain('forRootAsync');
    expect(message).toContain('useFactory');
  });

  test.each([['useFactory'], ['useClass']])('forRootAsync: %s that cannot be called', async (way) => {
    const message = await messageOf(async () => await start(forRootAsync({ [way]: 'Factory' })));
    expect(message).toBe(`DpopModule.forRootAsync() ${way} must be a function or a class`);
  });

  test('isGlobal from a factory comes too late, and is refused', async () => {
    const module = forRootAsync({ useFactory: () => ({ ...GOOD, isGlobal: false }) });
    expect(await messageOf(() => start(module))).toMatch(/^isGlobal /);
  });

  test('a factory that throws keeps the app from starting', async () => {
    const module = forRootAsync({ useFactory: () => Promise.reject(new Error('no settings')) });
    await expect(start(module)).rejects.toThrow('no settings');
  });

  test('a class without createDpopOptions does not start', async () => {
    await expect(start(forRootAsync({ useClass: class Factory {} }))).rejects.toThrow(/is not a function/);
  });

  test('the bare module does not start', async () => {
    await expect(start(DpopModule)).rejects.toThrow(/DPOP_MODULE_OPTIONS/);
  });
});
