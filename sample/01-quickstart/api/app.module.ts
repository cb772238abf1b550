import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { AccountsController } from './accounts.controller.js';

export interface ApiOptions {
  /** The URL of this service for its clients, who sign it in `htu`. Here it is also the audience of the tokens. */
  readonly origin: string;
  /** The issuer whose access tokens are accepted. */
  readonly issuer: string;
}

@Module({})
export class AppModule {
  static register({ origin, issuer }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [DpopModule.forRoot({ origin, accessToken: { issuer, audience: origin } })],
      controllers: [AccountsController],
      // For the whole app, so that a new route is protected unless it is marked @SkipDpop().
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}
