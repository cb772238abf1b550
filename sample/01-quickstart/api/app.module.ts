import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { AccountsController } from './accounts.controller.js';

export interface ApiOptions {
  /** The URL of this service as its clients see it: what they sign in `htu`, and what tokens name in `aud`. */
  readonly origin: string;
  /** Whose access tokens are accepted. */
  readonly issuer: string;
}

@Module({})
export class AppModule {
  static register({ origin, issuer }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [DpopModule.forRoot({ origin, accessToken: { issuer, audience: origin } })],
      controllers: [AccountsController],
      // Bound to the whole app: a route that somebody forgets to protect is closed, not open.
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}
