import * as oauth from './vendor/index.js';
import { BANKS, config } from './config.js';
import { chooseBank, keepToken } from './session.js';
import { fetchAs, fetchOrSay } from './wire.js';

const REDIRECT_URI = `${location.origin}/`;

/** Plain http, because all servers are on loopback. */
export const PLAIN_HTTP = { [oauth.allowInsecureRequests]: true };

const issuer = new URL(config.issuer);
let metadata;

async function discover() {
  const options = { ...PLAIN_HTTP, [oauth.customFetch]: fetchOrSay };
  // Kept only when it came: a later login asks again.
  metadata ??= await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options));
  return metadata;
}

/**
 * Leaves the page for the login, with PKCE. The code can be redeemed only with the key: `dpop_jkt`.
 *
 * @param stepUp `acr_values` and `max_age` of a challenge, or nothing
 * @param after what to do after the login; it waits in the session
 */
export async function logIn(bank, dpop, { stepUp = {}, after } = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const { authorization_endpoint } = await discover();
  const { api, clientId } = BANKS[bank];
  sessionStorage.setItem('login', JSON.stringify({ bank, verifier, state, after }));
  const url = new URL(authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    response_type: 'code',
    scope: 'openid account transfer',
    resource: api,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...(bank === 'dpop' && { dpop_jkt: await dpop.calculateThumbprint() }),
    ...stepUp,
  });
  location.assign(url);
}

/** What the page says of an error in the address. Its text is not shown: anyone can write a link. */
function describeRefusal(error) {
  if (error === 'access_denied') return 'The login was cancelled.';
  return 'The authorization server refused the login. Log in again.';
}

/**
 * Redeems the code in the address of the page, if there is one. Resolves to what was to be done after the login.
 *
 * @throws Error with a sentence for the user
 */
export async function finishLogin(dpop) {
  const returned = new URL(location.href);
  if (!['state', 'code', 'error'].some((name) => returned.searchParams.has(name))) return undefined;
  // Before all else: neither a reload nor the history shall bring them back.
  history.replaceState(null, '', '/');
  const stored = sessionStorage.getItem('login');
  sessionStorage.removeItem('login');
  const refusal = returned.searchParams.get('error');
  if (refusal !== null) throw new Error(describeRefusal(refusal));
  if (stored === null) throw new Error('This answer to a login is an old one. Nothing was done with it.');
  const { bank, verifier, state, after } = JSON.parse(stored);
  const server = await discover();
  const client = { client_id: BANKS[bank].clientId };
  const send = async () => {
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      oauth.None(),
      oauth.validateAuthResponse(server, client, returned, state),
      REDIRECT_URI,
      verifier,
      { ...PLAIN_HTTP, ...(bank === 'dpop' && { DPoP: dpop }), [oauth.customFetch]: fetchAs('page') },
    );
    return await oauth.processAuthorizationCodeResponse(server, client, response);
  };
  const { access_token, expires_in } = await withNonce(send);
  keepToken(bank, access_token, expires_in);
  chooseBank(bank);
  return after;
}

/** The thief has a client of its own, and gets a token like any other client. */
export async function logInAsThief(dpop, api) {
  const server = await discover();
  const client = { client_id: 'thief' };
  const response = await oauth.clientCredentialsGrantRequest(
    server,
    client,
    oauth.ClientSecretBasic('secret-of-the-thief'),
    { resource: api, scope: 'account' },
    { ...PLAIN_HTTP, DPoP: dpop, [oauth.customFetch]: fetchAs('thief') },
  );
  return (await oauth.processClientCredentialsResponse(server, client, response)).access_token;
}

/** Sends a request once more if the server wants a nonce in the proof. oauth4webapi remembers the nonce. */
export async function withNonce(send) {
  try {
    return await send();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return await send();
  }
}
