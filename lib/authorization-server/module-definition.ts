import { type ConfigurableModuleAsyncOptions, ConfigurableModuleBuilder } from '@nestjs/common';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import { assertFunction, assertKnownNames, assertObject, fail } from '../errors/option-asserts.js';

/** Defines `forRoot`, and `forRootAsync` with `useFactory`, `useClass` or `useExisting`. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DpopAuthorizationServerOptions>({ moduleName: 'DpopAuthorizationServer' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createDpopAuthorizationServerOptions')
    .setExtras<{ isGlobal?: boolean }>({ isGlobal: true }, (definition, { isGlobal }) => {
      if (typeof isGlobal !== 'boolean') fail('isGlobal', 'true or false', { value: isGlobal });
      return { ...definition, global: isGlobal };
    })
    .build();

/** The options of `forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export type DpopAuthorizationServerAsyncOptions = ConfigurableModuleAsyncOptions<
  DpopAuthorizationServerOptions,
  'createDpopAuthorizationServerOptions'
> &
  Pick<DpopAuthorizationServerOptions, 'isGlobal'>;

/** A provider of the options, for `useClass` and `useExisting`. */
export interface DpopAuthorizationServerOptionsFactory {
  createDpopAuthorizationServerOptions():
    DpopAuthorizationServerOptions | Promise<DpopAuthorizationServerOptions>;
}

/** Nest accepts any object, and then reports a missing dependency that the app does not know. */
export function assertAsyncOptions(options: unknown): asserts options is DpopAuthorizationServerAsyncOptions {
  const name = 'DpopAuthorizationServerModule.forRootAsync()';
  const accepted = 'given one of useFactory, useClass and useExisting';
  assertObject(options, name, accepted);
  const ways = ['useFactory', 'useClass', 'useExisting'];
  assertKnownNames(options, name, [...ways, 'inject', 'imports', 'provideInjectionTokensFrom', 'isGlobal']);
  const given = ways.filter((way) => options[way] !== undefined);
  if (given.length !== 1) fail(name, `${accepted}; given: ${given.length === 0 ? 'none' : given.join(', ')}`);
  for (const way of ['useFactory', 'useClass'].filter((candidate) => given.includes(candidate))) {
    assertFunction(options[way], `${name} ${way}`, 'a function or a class');
  }
}

/**
 * The factory of the options when the app imports the class itself.
 *
 * @throws TypeError always
 */
export function refuseBareImport(): never {
  throw new TypeError(
    'DpopAuthorizationServerModule was imported without options: import DpopAuthorizationServerModule.forRoot({ issuer }) or forRootAsync({ … }) once, in the root module. ' +
      'It is global: other modules need not import it. With isGlobal: false they import the module that forRoot returned, not the class',
  );
}
