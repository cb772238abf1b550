import * as client from 'openid-client';
import { loadKeys } from '../../../../sample/07-bank/page/public/key-store.js';

export const WHAT_TO_KNOW = 'The key is yours. One handle per key remembers the nonces.';

const redirect_uri = `${location.origin}/`;
const keys = await loadKeys();
let config;
let DPoP;

async function configure({ issuer }) {
  config ??= await client.discovery(new URL(issuer), 'page', undefined, client.None());
  DPoP ??= client.getDPoPHandle(config, keys);
}

export async function logIn(servers) {
  await configure(servers);
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  sessionStorage.setItem('login', JSON.stringify({ pkceCodeVerifier, expectedState }));
  const parameters = {
    redirect_uri,
    scope: 'openid account',
    resource: servers.api,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    dpop_jkt: await DPoP.calculateThumbprint(),
  };
  location.assign(client.buildAuthorizationUrl(config, parameters));
}

export async function redeem(servers) {
  await configure(servers);
  const checks = JSON.parse(sessionStorage.getItem('login'));
  const tokens = await client.authorizationCodeGrant(config, new URL(location.href), checks, {}, { DPoP });
  sessionStorage.setItem('token', tokens.access_token);
}

export async function call(servers, method, path) {
  await configure(servers);
  const token = sessionStorage.getItem('token');
  const url = new URL(path, servers.api);
  return await client
    .fetchProtectedResource(config, token, url, method, null, undefined, { DPoP })
    .catch(({ response }) => response);
}
