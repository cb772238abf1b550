import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { errors, Provider, type ProviderContext, type ResourceServer } from 'oidc-provider';
import { clientsOf, SCOPES } from './clients.js';
import { interact, isInteraction, sendExpired, STRONG } from './interactions.js';
import type { IssuerOptions, RunningIssuer } from './running-issuer.js';
import { SessionAdapter } from './session.adapter.js';

const ALGORITHM = 'ES256';
const HOUR = 3600;

/** oidc-provider with a login page: the authorization code flow with PKCE, and a second factor on demand. */
export async function startBankAuthorizationServer(options: IssuerOptions): Promise<RunningIssuer> {
  const { port, page, api, plainApi, tokenLifetimeSeconds } = options;
  // For these tokens are issued (RFC 8707).
  const resources = [api, plainApi];
  const issuer = `http://localhost:${port}`;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const provider: Provider = new Provider(issuer, {
    adapter: () => new SessionAdapter(),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: ALGORITHM, use: 'sig', kid: 'bank' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    clients: clientsOf(page),
    clientDefaults: { id_token_signed_response_alg: ALGORITHM },
    scopes: ['openid'],
    acrValues: ['pwd', STRONG],
    ttl: {
      Session: HOUR,
      Grant: HOUR,
      Interaction: HOUR,
      IdToken: HOUR,
      AuthorizationCode: 60,
      AccessToken: tokenLifetimeSeconds,
      ClientCredentials: tokenLifetimeSeconds,
    },
    claims: { openid: ['sub'], acr: null, auth_time: null },
    pkce: { required: () => true },
    clientBasedCORS: () => true,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: (context) => grantAll(provider, context, resources),
    extraTokenClaims: ({ oidc: { entities } }) => {
      const { acr, authTime } = entities.AuthorizationCode ?? {};
      return { ...(acr !== undefined && { acr }), ...(authTime !== undefined && { auth_time: authTime }) };
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context, requested) =>
          describeResource(requested, resources, tokenLifetimeSeconds),
      },
    },
  });
  const serve = provider.callback();
  const server = createServer((request, response) => {
    if (!isInteraction(request)) return serve(request, response);
    interact(provider, request, response).catch(() => {
      if (response.headersSent) response.end();
      else sendExpired(response, page);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    issuer,
    product: 'oidc-provider',
    accessTokenFor: (audience) => ({ issuer, audience }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Nobody is asked for consent: bank and page belong together. */
async function grantAll(
  provider: Provider,
  { oidc: { client, session } }: ProviderContext,
  resources: readonly string[],
): Promise<object> {
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session?.accountId });
  grant.addOIDCScope('openid');
  for (const resource of resources) grant.addResourceScope(resource, SCOPES.join(' '));
  await grant.save();
  return grant;
}

function describeResource(
  requested: string,
  resources: readonly string[],
  tokenLifetimeSeconds: number,
): ResourceServer {
  if (!resources.includes(requested)) throw new errors.InvalidTarget();
  return {
    audience: requested,
    scope: SCOPES.join(' '),
    accessTokenFormat: 'jwt',
    accessTokenTTL: tokenLifetimeSeconds,
    jwt: { sign: { alg: ALGORITHM } },
  };
}
