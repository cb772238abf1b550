import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { GuardedController } from './guarded.controller.js';

@Module({})
class RootModule {}

export interface RootParts {
  readonly dpop: DynamicModule | Type;
  readonly imports?: NonNullable<DynamicModule['imports']>;
  /** Default: one guarded route. */
  readonly controllers?: readonly Type[];
  readonly providers?: readonly Provider[];
}

/** The root of an app with `DpopModule` in the way of the test. */
export function createRootModule({
  dpop,
  imports = [],
  controllers = [GuardedController],
  providers = [],
}: RootParts): DynamicModule {
  return {
    module: RootModule,
    imports: [dpop, ...imports],
    controllers: [...controllers],
    providers: [...providers],
  };
}
