import { Controller, Get, Inject } from '@nestjs/common';
import { DpopBindings } from 'nestjs-dpop';
import { SERVER_OPTIONS, type ServerOptions } from './server-options.js';
import { SigningKeys } from './signing-keys.js';
import { TOKEN_EXCHANGE } from './token-exchange.js';

/** The metadata of the server (RFC 8414) and its public keys. */
@Controller()
export class MetadataController {
  constructor(
    @Inject(SERVER_OPTIONS) private readonly options: ServerOptions,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(DpopBindings) private readonly bindings: DpopBindings,
  ) {}

  @Get('.well-known/oauth-authorization-server')
  metadata(): object {
    const { issuer, clients } = this.options;
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      pushed_authorization_request_endpoint: `${issuer}/par`,
      token_endpoint: `${issuer}/token`,
      introspection_endpoint: `${issuer}/introspect`,
      jwks_uri: `${issuer}/jwks`,
      scopes_supported: [...new Set(clients.flatMap(({ scopes }) => scopes))],
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', TOKEN_EXCHANGE],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'none'],
      introspection_endpoint_auth_methods_supported: ['client_secret_basic'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      ...this.bindings.serverMetadata,
    };
  }

  @Get('jwks')
  jwks(): object {
    return this.keys.jwks;
  }
}
