import { Auth0Client } from '@auth0/auth0-spa-js';

export const WHAT_TO_KNOW =
  'Its own key, in IndexedDB. `createFetcher` repeats calls only with a `dpopNonceId`. A reload needs `cacheLocation` and `useRefreshTokens`. The paths `/authorize` and `/oauth/token`, and RS256 ID tokens.';

const scope = 'openid account';
let client;

function clientOf({ issuer, api }) {
  client ??= new Auth0Client({
    domain: new URL(issuer).host,
    issuer,
    clientId: 'page',
    useDpop: true,
    // After a reload, a token in memory would be renewed in a hidden frame, which oidc-provider does not answer.
    useRefreshTokens: true,
    cacheLocation: 'localstorage',
    authorizationParams: { redirect_uri: `${location.origin}/`, audience: api, scope },
  });
  return client;
}

export async function logIn(servers) {
  await clientOf(servers).loginWithRedirect();
}

export async function redeem(servers) {
  await clientOf(servers).handleRedirectCallback();
}

export async function call(servers, method, path) {
  const { api } = servers;
  const fetcher = clientOf(servers).createFetcher({ dpopNonceId: 'api', baseUrl: api });
  return await fetcher.fetchWithAuth(path, { method }, { audience: api, scope: scope.split(' ') });
}
