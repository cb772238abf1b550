import { type DynamicModule, Module } from '@nestjs/common';
import { DpopModule, mcp } from 'nestjs-dpop';
import { McpEndpoint } from './mcp.endpoint.js';
import { StatementsTools } from './statements.tools.js';

export interface ServerOptions {
  /** The URL of this service for its clients, without the path. */
  readonly origin: string;
  /** The issuer whose access tokens are accepted. */
  readonly issuer: string;
}

@Module({})
export class AppModule {
  static register({ origin, issuer }: ServerOptions): DynamicModule {
    // What clients call the server, and ask tokens for (RFC 8707).
    const resource = `${origin}/mcp`;
    return {
      module: AppModule,
      imports: [
        DpopModule.forRoot(
          mcp({ origin, accessToken: { issuer, audience: resource }, metadata: { resource } }),
        ),
      ],
      controllers: [McpEndpoint, StatementsTools],
    };
  }
}
