/** The part of oidc-provider that the sample uses. The package has no types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';
  import type { JWK } from 'jose';

  export interface ResourceServer {
    readonly audience: string;
    readonly scope: string;
    readonly accessTokenFormat: 'jwt' | 'opaque';
    readonly accessTokenTTL?: number;
    readonly jwt?: { readonly sign: { readonly alg: string } };
  }

  export interface Adapter {
    upsert(id: string, payload: object, expiresInSeconds?: number): Promise<void>;
    find(id: string): Promise<object | undefined>;
    destroy(id: string): Promise<void>;
  }

  export interface Configuration {
    readonly adapter?: (model: string) => Adapter;
    readonly jwks?: { readonly keys: readonly JWK[] };
    readonly scopes?: readonly string[];
    readonly ttl?: Readonly<Record<string, number>>;
    readonly clients?: readonly Readonly<Record<string, unknown>>[];
    readonly clientDefaults?: Readonly<Record<string, unknown>>;
    readonly features?: {
      readonly devInteractions?: { readonly enabled: boolean };
      readonly clientCredentials?: { readonly enabled: boolean };
      readonly dPoP?: { readonly enabled: boolean };
      readonly resourceIndicators?: {
        readonly enabled: boolean;
        readonly getResourceServerInfo: (context: unknown, resource: string) => ResourceServer;
        /** Whether a token request without `resource` gets a token for the one of the authorization. */
        readonly useGrantedResource?: () => boolean;
      };
    };
  }

  export class Provider {
    constructor(issuer: string, configuration?: Configuration);
    callback(): RequestListener;
  }

  export const errors: {
    readonly InvalidTarget: new (description?: string) => Error;
  };
}
