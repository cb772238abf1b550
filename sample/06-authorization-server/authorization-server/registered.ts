import type { Client } from './clients.js';
import { digestOf } from './secrets.js';
import { TOKEN_EXCHANGE } from './token-exchange.js';

/** Never put a secret or a password into source code outside a sample. */
export const REPORTS_SECRET = 'reports-secret';
export const LEGACY_SECRET = 'legacy-secret';
export const API_SECRET = 'api-secret';
export const ADA = { name: 'ada', password: 'analytical-engine' } as const;
export const REDIRECT_URI = 'http://127.0.0.1/callback';

/** The clients of the sample. */
export function registerClients(resource: string): readonly Client[] {
  return [
    {
      // An app on a phone: it has no secret, so that its refresh tokens are bound to its key.
      id: 'mobile',
      type: 'public',
      dpopBoundAccessTokens: true,
      redirectUris: [REDIRECT_URI],
      grantTypes: ['authorization_code', 'refresh_token', TOKEN_EXCHANGE],
      scopes: ['accounts:read', 'accounts:write'],
    },
    {
      // A service that acts for itself.
      id: 'reports',
      type: 'confidential',
      secretDigest: digestOf(REPORTS_SECRET),
      dpopBoundAccessTokens: true,
      redirectUris: [],
      grantTypes: ['client_credentials'],
      scopes: ['accounts:read'],
    },
    {
      // A service that does not know DPoP yet.
      id: 'legacy',
      type: 'confidential',
      secretDigest: digestOf(LEGACY_SECRET),
      redirectUris: [],
      grantTypes: ['client_credentials'],
      scopes: ['accounts:read'],
    },
    {
      // The API, which asks about tokens, and exchanges those that it was called with.
      id: 'api',
      type: 'confidential',
      secretDigest: digestOf(API_SECRET),
      dpopBoundAccessTokens: true,
      redirectUris: [],
      grantTypes: [TOKEN_EXCHANGE],
      scopes: [],
      resource,
    },
  ];
}
