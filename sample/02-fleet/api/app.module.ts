import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { RedisStorage } from 'nestjs-dpop/redis';
import { AccountsController } from './accounts.controller.js';

/** The same for every instance of the fleet. */
export interface ApiOptions {
  /** The URL of the fleet as its clients see it: that of the front, never that of one instance. */
  readonly origin: string;
  /** Whose access tokens are accepted. */
  readonly issuer: string;
  /** The one Redis of the fleet. */
  readonly redis: string;
}

@Module({})
export class AppModule {
  static register({ origin, issuer, redis }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DpopModule.forRoot({
          origin,
          accessToken: { issuer, audience: origin },
          // Made of a URL, the client belongs to the storage: opened at start, closed at shutdown.
          storage: new RedisStorage(redis, { deadlineMs: DEADLINE_MS }),
        }),
      ],
      controllers: [AccountsController],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}

/** How long Redis may take before a request is refused; the default, named because the story measures it. */
export const DEADLINE_MS = 250;
