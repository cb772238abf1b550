import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { LOGIN, type Login, PageController } from '../page/page.controller.js';
import { FeedController } from './feed.controller.js';
import { TicketsController } from './tickets.controller.js';

export interface ApiOptions {
  /** The URL of this service for its clients, who sign it in `htu`. */
  readonly origin: string;
  /** The issuer whose access tokens are accepted. */
  readonly issuer: string;
  readonly audience: string;
  readonly gateways: readonly Type[];
  readonly login: Login;
}

@Module({})
export class AppModule {
  static register({ origin, issuer, audience, gateways, login }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [DpopModule.forRoot({ origin, accessToken: { issuer, audience } })],
      controllers: [FeedController, TicketsController, PageController],
      providers: [
        ...gateways,
        { provide: APP_GUARD, useExisting: DpopGuard },
        { provide: LOGIN, useValue: login },
      ],
    };
  }
}
