/** What the bank uses of oidc-provider beyond the quickstart. */

declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface Configuration {
    readonly interactions?: {
      readonly url: (context: unknown, interaction: { readonly uid: string }) => string;
    };
    readonly acrValues?: readonly string[];
    readonly claims?: Readonly<Record<string, unknown>>;
    readonly clientBasedCORS?: () => boolean;
    readonly cookies?: { readonly keys: readonly string[] };
    readonly findAccount?: (context: unknown, id: string) => object;
    readonly loadExistingGrant?: (context: ProviderContext) => Promise<object>;
    readonly extraTokenClaims?: (context: ProviderContext) => object | undefined;
    readonly pkce?: { readonly required: () => boolean };
    readonly renderError?: (
      context: { body: unknown; type?: string },
      out: { readonly error: string },
    ) => void;
  }

  export interface ProviderContext {
    readonly oidc: {
      readonly client: { readonly clientId: string };
      readonly session?: { readonly accountId?: string };
      readonly params?: { readonly resource?: string };
      readonly entities: {
        readonly AuthorizationCode?: { readonly acr?: string; readonly authTime?: number };
      };
    };
  }

  export interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export interface InteractionDetails {
    readonly uid: string;
    readonly prompt: { readonly name: string };
    readonly params: { readonly acr_values?: string; readonly client_id?: string };
  }

  export interface Provider {
    readonly Grant: new (about: {
      readonly clientId: string;
      readonly accountId: string | undefined;
    }) => Grant;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<InteractionDetails>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
  }
}
