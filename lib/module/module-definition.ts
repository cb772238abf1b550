import { type ConfigurableModuleAsyncOptions, ConfigurableModuleBuilder } from '@nestjs/common';
import type { DpopModuleOptions } from '../config/dpop-options.js';
import { applyIsGlobal } from './module-options.js';

/** Defines `forRoot`, and `forRootAsync` with `useFactory`, `useClass` or `useExisting`. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DpopModuleOptions>({
    moduleName: 'Dpop',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createDpopOptions')
    .setExtras<{ isGlobal?: boolean }>({ isGlobal: true }, applyIsGlobal)
    .build();

/** The options of `forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export type DpopModuleAsyncOptions = ConfigurableModuleAsyncOptions<DpopModuleOptions, 'createDpopOptions'> &
  Pick<DpopModuleOptions, 'isGlobal'>;

/** A provider of the options, for `useClass` and `useExisting`. */
export interface DpopOptionsFactory {
  createDpopOptions(): DpopModuleOptions | Promise<DpopModuleOptions>;
}
