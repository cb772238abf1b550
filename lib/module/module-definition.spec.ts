import { describe, expect, test } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import {
  ConfigurableModuleClass,
  type DpopOptionsFactory,
  MODULE_OPTIONS_TOKEN,
} from './module-definition.js';
import { assertAsyncOptions, refuseBareImport } from './module-options.js';

const FORM = 'DpopModule.forRootAsync() must be given one of useFactory, useClass and useExisting';
const useFactory = () => ({});
class Factory {}

describe('the ways to give options later (I4)', () => {
  test.each([
    [{ useFactory }],
    [{ useClass: Factory }],
    [{ useExisting: Factory }],
    [{ useExisting: 'token' }],
    [{ useFactory, inject: [], imports: [], provideInjectionTokensFrom: [], isGlobal: false }],
    [{ useFactory, useClass: undefined }],
  ])('are taken: %p', (options) => {
    expect(() => assertAsyncOptions(options, 'DpopModule')).not.toThrow();
  });

  const refused: readonly (readonly [unknown, string])[] = [
    [undefined, `${FORM}; it is undefined`],
    [{}, `${FORM}; given: none`],
    [{ useFactory, useClass: Factory }, `${FORM}; given: useFactory, useClass`],
    [
      { useFactroy: useFactory },
      'DpopModule.forRootAsync() has no option "useFactroy"; known: useFactory, useClass, useExisting, inject, imports, ' +
        'provideInjectionTokensFrom, isGlobal',
    ],
    [{ useFactory: 'x' }, 'DpopModule.forRootAsync() useFactory must be a function or a class'],
    [{ useClass: {} }, 'DpopModule.forRootAsync() useClass must be a function or a class'],
  ];

  test.each(refused)('%p is refused: %s', (options, message) => {
    expect(() => assertAsyncOptions(options, 'DpopModule')).toThrow(new TypeError(message));
  });
});

test('other modules have other names beside the factory, in place of isGlobal (I4)', () => {
  const assert = (options: object) => () => assertAsyncOptions(options, 'OtherModule', ['path']);
  expect(assert({ useFactory, path: 'x' })).not.toThrow();
  expect(assert({ useFactory, isGlobal: true })).toThrow('has no option "isGlobal"; known: ');
});

test('a module that is not global says nothing of that when it lacks its options (I4)', () => {
  expect(refuseBareImport('OtherModule', 'TOKEN', 'path', false)).toThrow(
    new TypeError(
      'OtherModule was imported without options (TOKEN): import OtherModule.forRoot({ path }) or OtherModule.forRootAsync({ … }) once, in the root module',
    ),
  );
});

describe('the module (I4)', () => {
  const options = { origin: 'https://api.example.com', accessToken: { issuer: 'https://a', audience: 'a' } };

  test('is global unless isGlobal says otherwise', () => {
    const globalOf = (isGlobal?: unknown) =>
      ConfigurableModuleClass.forRoot({
        ...options,
        ...(isGlobal !== undefined && { isGlobal: isGlobal as boolean }),
      }).global;
    expect([globalOf(), globalOf(true), globalOf(false)]).toEqual([true, true, false]);
    expect(() => globalOf('no')).toThrow(new TypeError('isGlobal must be true or false; it is "no"'));
  });

  test('has the options that a class creates', async () => {
    class Options implements DpopOptionsFactory {
      createDpopOptions(): DpopModuleOptions {
        return options;
      }
    }
    @Module({})
    class OptionsModule extends ConfigurableModuleClass {}
    const module = OptionsModule.forRootAsync({ useClass: Options });
    const app = await NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
    expect(app.get(MODULE_OPTIONS_TOKEN)).toBe(options);
    await app.close();
  });

  test('is refused without options', () => {
    expect(refuseBareImport('DpopModule', MODULE_OPTIONS_TOKEN, 'origin, accessToken')).toThrow(
      new TypeError(
        'DpopModule was imported without options (DPOP_MODULE_OPTIONS): import DpopModule.forRoot({ origin, accessToken }) or DpopModule.forRootAsync({ … }) once, in the root module. ' +
          'It is global: other modules need not import it. With isGlobal: false they import the module that forRoot returned, not the class',
      ),
    );
  });
});
