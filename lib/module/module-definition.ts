import { type ConfigurableModuleAsyncOptions, ConfigurableModuleBuilder } from '@nestjs/common';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { assertFunction, assertKnownNames, assertObject, fail } from '../errors/option-asserts.js';

/** How options get in: `forRoot`, or `forRootAsync` with `useFactory`, `useClass` or `useExisting`. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DpopModuleOptions>({
    moduleName: 'Dpop',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createDpopOptions')
    .setExtras<{ isGlobal?: boolean }>({ isGlobal: true }, (definition, { isGlobal }) => {
      if (typeof isGlobal !== 'boolean') fail('isGlobal', 'true or false', { value: isGlobal });
      return { ...definition, global: isGlobal };
    })
    .build();

/** What `forRootAsync` takes: one of `useFactory`, `useClass` and `useExisting`. */
export type DpopModuleAsyncOptions = ConfigurableModuleAsyncOptions<DpopModuleOptions, 'createDpopOptions'> &
  Pick<DpopModuleOptions, 'isGlobal'>;

/** Nest takes any object, and then fails to resolve something that nobody has named. */
export function assertAsyncOptions(options: unknown): asserts options is DpopModuleAsyncOptions {
  const name = 'DpopModule.forRootAsync()';
  const accepted = 'given one of useFactory, useClass and useExisting';
  assertObject(options, name, accepted);
  const ways = ['useFactory', 'useClass', 'useExisting'];
  assertKnownNames(options, name, [...ways, 'inject', 'imports', 'provideInjectionTokensFrom', 'isGlobal']);
  const given = ways.filter((way) => options[way] !== undefined);
  if (given.length !== 1)
    fail(name, `${accepted}; there are ${given.length === 0 ? 'none' : given.join(', ')}`);
  for (const way of ['useFactory', 'useClass'].filter((candidate) => given.includes(candidate))) {
    assertFunction(options[way], `${name} ${way}`, 'a function or a class');
  }
}

/**
 * Stands for the options where the module was imported as it is.
 *
 * @throws TypeError always
 */
export function refuseBareImport(): never {
  throw new TypeError(
    'DpopModule was imported without options (DPOP_MODULE_OPTIONS): import DpopModule.forRoot({ origin, accessToken }) or DpopModule.forRootAsync({ … }) once, in the root module. ' +
      'It is global: other modules need not import it. With isGlobal: false they import the module that forRoot returned, not the class',
  );
}

/** For `useClass` and `useExisting`: a provider that knows the options. */
export interface DpopOptionsFactory {
  createDpopOptions(): DpopModuleOptions | Promise<DpopModuleOptions>;
}
