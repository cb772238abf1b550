import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DpopAuthorizationServerModule } from 'nestjs-dpop';
import { AccessTokens } from './access-tokens.js';
import { AuthorizationRequests } from './authorization-requests.js';
import { AuthorizeController } from './authorize.controller.js';
import { Clients } from './clients.js';
import { Codes } from './codes.js';
import { Grants } from './grants.js';
import { IntrospectionController } from './introspection.controller.js';
import { MetadataController } from './metadata.controller.js';
import { OAuthErrorFilter } from './oauth-error.filter.js';
import { ParController } from './par.controller.js';
import { RefreshTokens } from './refresh-tokens.js';
import { SERVER_OPTIONS, type ServerOptions } from './server-options.js';
import { SigningKeys } from './signing-keys.js';
import { TokenExchange } from './token-exchange.js';
import { TokenController } from './token.controller.js';
import { Users } from './users.js';

@Module({})
export class AuthorizationServerModule {
  static register(options: ServerOptions): DynamicModule {
    return {
      module: AuthorizationServerModule,
      imports: [
        DpopAuthorizationServerModule.forRoot({
          issuer: options.issuer,
          nonce: 'required',
          // While some clients still get Bearer tokens. Clients that have moved are registered with dpopBoundAccessTokens.
          absentProof: 'accept',
        }),
      ],
      controllers: [
        MetadataController,
        ParController,
        AuthorizeController,
        TokenController,
        IntrospectionController,
      ],
      providers: [
        { provide: SERVER_OPTIONS, useValue: options },
        { provide: APP_FILTER, useClass: OAuthErrorFilter },
        ...[Clients, Users, SigningKeys, Grants, AccessTokens, RefreshTokens],
        ...[AuthorizationRequests, Codes, TokenExchange],
      ],
    };
  }
}
