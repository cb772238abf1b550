import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { DpopGuard, DpopModule, keycloak, type KeycloakArguments } from 'nestjs-dpop';
import { AccountsController } from '../../01-quickstart/api/accounts.controller.js';

/** The realm, by the URL of Keycloak and its name. */
export type Realm = Pick<KeycloakArguments, 'url' | 'realm'>;

export interface ApiOptions {
  /** The URL of this service for its clients, who sign it in `htu`. */
  readonly origin: string;
  readonly realm: Realm;
}

@Module({})
export class AppModule {
  static register({ origin, realm: { url, realm } }: ApiOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        DpopModule.forRoot({
          origin,
          // The audience mapper of realm.json puts the audience into the tokens.
          accessToken: keycloak({ url, realm, audience: 'https://api.example.com' }),
        }),
      ],
      controllers: [AccountsController],
      providers: [{ provide: APP_GUARD, useExisting: DpopGuard }],
    };
  }
}
