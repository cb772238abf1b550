import { IndexedDbDPoPStore, UserManager } from 'oidc-client-ts';

export const WHAT_TO_KNOW = 'Its own key, in IndexedDB. `dpopProof` takes the nonce of the API.';

function managerOf({ issuer, api }) {
  return new UserManager({
    authority: issuer,
    client_id: 'page',
    redirect_uri: `${location.origin}/`,
    scope: 'openid account',
    resource: api,
    dpop: { store: new IndexedDbDPoPStore(), bind_authorization_code: true },
  });
}

export async function logIn(servers) {
  await managerOf(servers).signinRedirect();
}

export async function redeem(servers) {
  await managerOf(servers).signinRedirectCallback(location.href);
}

export async function call(servers, method, path, nonce) {
  const url = new URL(path, servers.api).href;
  const manager = managerOf(servers);
  const user = await manager.getUser();
  const proof = await manager.dpopProof(url, user, method, nonce);
  const headers = { Authorization: `DPoP ${user.access_token}`, DPoP: proof };
  return await fetch(url, { method, headers });
}

export async function callAgain(servers, method, path, refused) {
  return await call(servers, method, path, refused.headers.get('DPoP-Nonce'));
}
