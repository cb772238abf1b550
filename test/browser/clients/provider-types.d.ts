/** What the test bed of the client libraries uses of oidc-provider beyond the bank. */

declare module 'oidc-provider' {
  import type { IncomingMessage } from 'node:http';

  export interface Provider {
    /** Adds a middleware of Koa. */
    use(middleware: (context: TokenContext, next: () => Promise<void>) => Promise<void>): void;
  }

  export interface TokenContext {
    body: unknown;
    readonly req: IncomingMessage;
    readonly status: number;
    readonly oidc?: {
      readonly route?: string;
      readonly client?: { readonly clientId: string };
      readonly entities: { readonly AccessToken?: { readonly accountId: string } };
    };
  }
}
