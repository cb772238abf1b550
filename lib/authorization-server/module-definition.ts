import { type ConfigurableModuleAsyncOptions, ConfigurableModuleBuilder } from '@nestjs/common';
import type { DpopAuthorizationServerOptions } from '../config/authorization-server-options.js';
import { applyIsGlobal } from '../module/module-options.js';

/** Defines `forRoot`, and `forRootAsync` with `useFactory`, `useClass` or `useExisting`. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DpopAuthorizationServerOptions>({ moduleName: 'DpopAuthorizationServer' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createDpopAuthorizationServerOptions')
    .setExtras<{ isGlobal?: boolean }>({ isGlobal: true }, applyIsGlobal)
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
