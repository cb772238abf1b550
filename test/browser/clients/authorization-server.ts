import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { errors, Provider, type ProviderContext, type ResourceServer } from 'oidc-provider';
import type { Running } from '../../../sample/01-quickstart/running.js';
import { interact, isInteraction } from '../../../sample/07-bank/authorization-server/interactions.js';
import { SessionAdapter } from '../../../sample/07-bank/authorization-server/session.adapter.js';
import type { SelfSignedCertificate } from '../../support/self-signed-certificate.js';
import type { Exchanges } from './exchanges.js';
import { serveHttps } from './https-server.js';
import { DID } from './identity.js';
import { publicClient } from './registered-clients.js';
import { trustingFetch } from './trusting-fetch.js';

/** `auth0-spa-js` takes no other algorithm for ID tokens. */
const ALGORITHM = 'RS256';
const SCOPES = 'account atproto';
const HOUR = 3600;

export interface AuthorizationServerOptions {
  readonly port: number;
  readonly issuer: string;
  readonly certificate: SelfSignedCertificate;
  readonly page: string;
  readonly api: string;
  /** Whether proofs at the token and PAR endpoints must have a nonce (§8). */
  readonly demandsNonces: boolean;
  readonly exchanges: Exchanges;
}

/** oidc-provider with all that the libraries want of it, and the login page of the bank. */
export async function startAuthorizationServer(options: AuthorizationServerOptions): Promise<Running> {
  const { port, issuer, certificate, page, api, demandsNonces, exchanges } = options;
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const configuration = {
    adapter: () => new SessionAdapter(),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: ALGORITHM, use: 'sig', kid: 'test-bed' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    clients: [publicClient(page)],
    scopes: ['openid', 'atproto'],
    // The paths of Auth0, which its library does not discover.
    routes: { authorization: '/authorize', token: '/oauth/token' },
    // Not only ES256: okta-auth-js signs its proofs with RS256.
    enabledJWA: { dPoPSigningAlgValues: ['ES256', 'RS256'] },
    ttl: {
      Session: HOUR,
      Grant: HOUR,
      Interaction: HOUR,
      IdToken: HOUR,
      AuthorizationCode: 60,
      AccessToken: HOUR,
    },
    pkce: { required: () => true },
    clientBasedCORS: () => true,
    fetch: trustingFetch(certificate),
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_context: unknown, { uid }: { readonly uid: string }) => `/interaction/${uid}` },
    loadExistingGrant: (context: ProviderContext) => grantAll(provider, context, api),
    features: {
      devInteractions: { enabled: false },
      dPoP: {
        enabled: true,
        ...(demandsNonces && { nonceSecret: randomBytes(32), requireNonce: () => true }),
      },
      pushedAuthorizationRequests: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
      resourceIndicators: {
        enabled: true,
        // Not all libraries send `resource`.
        defaultResource: () => api,
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, requested: string) => describeResource(requested, api),
      },
    },
  };
  const provider: Provider = new Provider(issuer, configuration);
  provider.use(async (context, next) => {
    await next();
    const { error } = (context.body ?? {}) as { readonly error?: string };
    exchanges.record('issuer', context.req, context.status, error);
    // A client of atproto expects the user beside the token.
    if (context.oidc?.route === 'token' && context.oidc.entities.AccessToken !== undefined) {
      context.body = { ...(context.body as object), sub: DID };
    }
  });
  const serve = provider.callback();
  return await serveHttps(port, certificate, (request, response) => {
    if (!isInteraction(request)) return serve(request, response);
    interact(provider, request, response).catch(() => {
      if (!response.headersSent) response.writeHead(400);
      response.end();
    });
  });
}

/** The user is not asked for consent. */
async function grantAll(
  provider: Provider,
  { oidc: { client, session } }: ProviderContext,
  api: string,
): Promise<object> {
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session?.accountId });
  grant.addOIDCScope('openid atproto');
  grant.addResourceScope(api, SCOPES);
  await grant.save();
  return grant;
}

function describeResource(requested: string, api: string): ResourceServer {
  if (requested !== api) throw new errors.InvalidTarget();
  return {
    audience: api,
    scope: SCOPES,
    accessTokenFormat: 'jwt',
    accessTokenTTL: HOUR,
    jwt: { sign: { alg: ALGORITHM } },
  };
}
