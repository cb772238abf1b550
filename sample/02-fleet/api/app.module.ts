import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { RedisStorage } from 'nestjs-dpop/redis';
import { AccountsController } from './accounts.controller.js';

/** Equal for all instances of the fleet. */
export interface ApiOptions {
  /** The URL of the fleet for its clients: that of the front, not that of an instance. */
  readonly origin: string;
  /** The issuer whose access tokens are accepted. */
  readonly issuer: string;
  /** The URL of the Redis that all instances share. */
  readonly redis: string;
  /** How long Redis may take to answer; default `DEADLINE_MS`. */
  readonly deadlineMs?: number;
}

@Module({})
export class AppModule {
  static register({ origin, issuer, redis, deadlineMs = DEADLINE_MS }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DpopModule.forRoot({
          origin,
          accessToken: { issuer, audience: origin },
          // The storage creates the client from the URL, opens it at start and closes it at shutdown.
          storage: new RedisStorage(redis, { deadlineMs }),
        }),
      ],
      controllers: [AccountsController],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}

/** How long Redis may take to answer. This is the default; the demo measures it. */
export const DEADLINE_MS = 250;
