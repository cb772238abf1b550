import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule, rfc9068 } from 'nestjs-dpop';
import { AccountsController } from './accounts.controller.js';

export interface ApiOptions {
  /** The URL of this API for its clients. It is also the audience of the tokens. */
  readonly origin: string;
  readonly issuer: string;
}

@Module({})
export class ApiModule {
  static register({ origin, issuer }: ApiOptions): DynamicModule {
    return {
      module: ApiModule,
      imports: [DpopModule.forRoot({ origin, accessToken: rfc9068({ issuer, audience: origin }) })],
      controllers: [AccountsController],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}
