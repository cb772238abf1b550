import { type ConfigurableModuleAsyncOptions, ConfigurableModuleBuilder } from '@nestjs/common';
import type { SecurityEventsFactoryOptions, SecurityEventsOptions } from './security-events-options.js';

/** Defines `forRoot`, and `forRootAsync` with `useFactory`, `useClass` or `useExisting`. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<SecurityEventsFactoryOptions>({ moduleName: 'SecurityEvents' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createSecurityEventsOptions')
    .build();

/** A provider of the options, for `useClass` and `useExisting`. */
export interface SecurityEventsOptionsFactory {
  createSecurityEventsOptions(): SecurityEventsFactoryOptions | Promise<SecurityEventsFactoryOptions>;
}

/** The options of `forRootAsync`: the path, and one of `useFactory`, `useClass` and `useExisting`. */
export type SecurityEventsAsyncOptions = ConfigurableModuleAsyncOptions<
  SecurityEventsFactoryOptions,
  'createSecurityEventsOptions'
> &
  Pick<SecurityEventsOptions, 'path'>;
