import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { DpopModuleOptions } from './dpop.options.js';

/** How options get in: `forRoot`, or `forRootAsync` with `useFactory`, `useClass` or `useExisting`. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<DpopModuleOptions>({
    moduleName: 'Dpop',
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createDpopOptions')
    .setExtras<{ isGlobal?: boolean }>({ isGlobal: true }, (definition, { isGlobal }) => {
      if (typeof isGlobal !== 'boolean') throw new TypeError('isGlobal must be true or false');
      return { ...definition, global: isGlobal };
    })
    .build();

/** For `useClass` and `useExisting`: a provider that knows the options. */
export interface DpopOptionsFactory {
  createDpopOptions(): DpopModuleOptions | Promise<DpopModuleOptions>;
}
