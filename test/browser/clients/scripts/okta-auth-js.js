import { OktaAuth } from '@okta/okta-auth-js';

export const WHAT_TO_KNOW =
  'Its own key, in IndexedDB; proofs with RS256. `parseUseDPoPNonceError` reads the nonce of the API. Discovers only keys: name the URLs.';

let client;

function clientOf({ issuer }) {
  client ??= new OktaAuth({
    issuer,
    authorizeUrl: `${issuer}/authorize`,
    tokenUrl: `${issuer}/oauth/token`,
    clientId: 'page',
    redirectUri: `${location.origin}/`,
    scopes: ['openid', 'account'],
    pkce: true,
    dpop: true,
  });
  return client;
}

export async function logIn(servers) {
  await clientOf(servers).token.getWithRedirect();
}

export async function redeem(servers) {
  const { tokens } = await clientOf(servers).token.parseFromUrl();
  client.tokenManager.setTokens(tokens);
}

export async function call(servers, method, path, nonce) {
  const url = new URL(path, servers.api).href;
  const headers = await clientOf(servers).getDPoPAuthorizationHeaders({ url, method, nonce });
  return await fetch(url, { method, headers });
}

export async function callAgain(servers, method, path, refused) {
  return await call(servers, method, path, client.parseUseDPoPNonceError(refused.headers));
}
