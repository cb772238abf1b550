import * as oauth from 'oauth4webapi';
import { loadKeys } from '../../../../sample/07-bank/page/public/key-store.js';

export const WHAT_TO_KNOW = 'The key is yours. One handle per key remembers the nonces.';

const client = { client_id: 'page' };
const redirectUri = `${location.origin}/`;
const handle = oauth.DPoP(client, await loadKeys());

async function discover({ issuer }) {
  const url = new URL(issuer);
  return await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url));
}

export async function logIn(servers) {
  const { authorization_endpoint } = await discover(servers);
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  sessionStorage.setItem('login', JSON.stringify({ verifier, state }));
  const url = new URL(authorization_endpoint);
  url.search = new URLSearchParams({
    ...client,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid account',
    resource: servers.api,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    dpop_jkt: await handle.calculateThumbprint(),
  });
  location.assign(url);
}

export async function redeem(servers) {
  const server = await discover(servers);
  const { verifier, state } = JSON.parse(sessionStorage.getItem('login'));
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    oauth.None(),
    oauth.validateAuthResponse(server, client, new URL(location.href), state),
    redirectUri,
    verifier,
    { DPoP: handle },
  );
  const { access_token } = await oauth.processAuthorizationCodeResponse(server, client, response);
  sessionStorage.setItem('token', access_token);
}

export { redeem as redeemAgain };

export async function call({ api }, method, path) {
  const token = sessionStorage.getItem('token');
  const options = { DPoP: handle };
  return await oauth
    .protectedResourceRequest(token, method, new URL(path, api), null, null, options)
    .catch(({ response }) => response);
}

export { call as callAgain };
