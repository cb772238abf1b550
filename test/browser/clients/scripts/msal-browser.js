import { PublicClientApplication } from '@azure/msal-browser';

export const WHAT_TO_KNOW =
  'Its own key, in IndexedDB; a new proof for each call by `acquireTokenSilent`. No route of the API, and not the authorization server, may require nonces.';

let application;

async function applicationOf({ issuer }) {
  if (application === undefined) {
    application = new PublicClientApplication({
      auth: {
        clientId: 'page',
        authority: issuer,
        knownAuthorities: [new URL(issuer).host],
        redirectUri: `${location.origin}/`,
      },
      system: { protocolMode: 'OIDC' },
    });
    await application.initialize();
  }
  return application;
}

/** The method and the URL of the next call belong into each request for a token. */
function requestFor({ api }, method, path) {
  return {
    authenticationScheme: 'DPoP',
    scopes: ['openid', 'account'],
    resourceRequestMethod: method,
    resourceRequestUri: new URL(path, api).href,
  };
}

export async function logIn(servers) {
  const client = await applicationOf(servers);
  await client.loginRedirect(requestFor(servers, 'GET', '/account'));
}

export async function redeem(servers) {
  await (await applicationOf(servers)).handleRedirectPromise();
}

export async function call(servers, method, path, more) {
  const client = await applicationOf(servers);
  const [account] = client.getAllAccounts();
  const request = { ...requestFor(servers, method, path), account, ...more };
  const { accessToken, dpopProof } = await client.acquireTokenSilent(request);
  const headers = { Authorization: `DPoP ${accessToken}`, DPoP: dpopProof };
  return await fetch(request.resourceRequestUri, { method, headers });
}

/** The only option of the library for a nonce, `dpopNonce`, reaches brokers of the operating system, not the proof. */
export async function callAgain(servers, method, path, refused) {
  await call(servers, method, path, { dpopNonce: refused.headers.get('DPoP-Nonce') });
  await call(servers, method, path);
}
