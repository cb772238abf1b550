import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { errors, Provider, type ResourceServer } from 'oidc-provider';
import type { Running } from '../running.js';
import { InMemoryAdapter } from './memory.adapter.js';
import { REGISTERED_CLIENT, SCOPES } from './registered-client.js';

const SIGNING_ALGORITHM = 'ES256';
const TOKEN_LIFETIME_SECONDS = 300;

export interface AuthorizationServerOptions {
  readonly port: number;
  /** The API for which tokens are issued (RFC 8707). */
  readonly resource: string;
  /** The scopes that clients may request. */
  readonly scopes?: readonly string[];
}

/**
 * A real authorization server: oidc-provider. It issues access tokens as JWT (RFC 9068), bound to the key of the client's
 * proof. It has its own listener and shares nothing with the API.
 */
export async function startAuthorizationServer({
  port,
  resource,
  scopes = SCOPES,
}: AuthorizationServerOptions): Promise<Running> {
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
  const provider = new Provider(issuer, {
    adapter: () => new InMemoryAdapter(),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: SIGNING_ALGORITHM, use: 'sig' }] },
    scopes,
    ttl: { ClientCredentials: TOKEN_LIFETIME_SECONDS },
    clients: [
      {
        client_id: REGISTERED_CLIENT.id,
        client_secret: REGISTERED_CLIENT.secret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        // The server issues only bound tokens to this client (§5.2).
        dpop_bound_access_tokens: true,
      },
    ],
    clientDefaults: { id_token_signed_response_alg: SIGNING_ALGORITHM },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, requested) => describeResource(requested, resource, scopes),
      },
    },
  });
  const server = createServer(provider.callback());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: issuer,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function describeResource(requested: string, resource: string, scopes: readonly string[]): ResourceServer {
  if (requested !== resource) throw new errors.InvalidTarget();
  return {
    audience: resource,
    scope: scopes.join(' '),
    accessTokenFormat: 'jwt',
    accessTokenTTL: TOKEN_LIFETIME_SECONDS,
    jwt: { sign: { alg: SIGNING_ALGORITHM } },
  };
}
