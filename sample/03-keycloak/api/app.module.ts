import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule } from 'nestjs-dpop';
import { AccountsController } from '../../01-quickstart/api/accounts.controller.js';

export interface ApiOptions {
  /** The URL of this service for its clients, who sign it in `htu`. */
  readonly origin: string;
  /** The realm: `{base}/realms/{realm}`, without a slash at the end. */
  readonly issuer: string;
}

@Module({})
export class AppModule {
  static register({ origin, issuer }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DpopModule.forRoot({
          origin,
          accessToken: {
            issuer,
            // The audience mapper of realm.json puts it into the tokens.
            audience: 'https://api.example.com',
            // Keycloak writes JWT, or at+jwt by a setting of the client.
            typ: ['at+jwt', 'JWT'],
          },
        }),
      ],
      controllers: [AccountsController],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}
