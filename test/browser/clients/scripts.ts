/** How one client library is driven in a page of the bank's client. Scripts run in the page, as strings. */
export interface ClientScript {
  readonly name: string;
  /** Begins the login, and leaves the page. */
  readonly start: string;
  /** Ends the login, reads the account, then calls a route with a nonce. Resolves to what it heard. */
  readonly finish: string;
}

const CONFIG = `const { issuer, api } = await (await fetch('/config.json')).json();
  const redirect_uri = location.origin + '/';
  const scope = 'openid account transfer';`;

/** The nonce is right when the next refusal is about the second factor. */
const NAME_OF = `const nameOf = (challenge) => /error="(\\w+)"/.exec(challenge ?? '')?.[1];`;

const OPENID_CLIENT = `const client = await import('/packages/openid-client/build/index.js');
  const { loadKeys } = await import('/key-store.js');
  const config = await client.discovery(new URL(issuer), 'bank-page', undefined, client.None(), { execute: [client.allowInsecureRequests] });
  const DPoP = client.getDPoPHandle(config, await loadKeys());`;

const OIDC_CLIENT_TS = `const oidc = await import('/packages/oidc-client-ts/dist/esm/oidc-client-ts.js');
  const store = new oidc.IndexedDbDPoPStore();
  const manager = new oidc.UserManager({ authority: issuer, client_id: 'bank-page', redirect_uri, scope, resource: api, dpop: { store, bind_authorization_code: true } });`;

export const CLIENT_SCRIPTS: readonly ClientScript[] = [
  {
    name: 'oauth4webapi',
    start: `(async () => {
      const { DPoP } = await import('/vendor/index.js');
      const { loadKeys } = await import('/key-store.js');
      await (await import('/authorization-server.js')).logIn('dpop', DPoP({}, await loadKeys()));
    })()`,
    finish: `(async () => {
      ${CONFIG}
      ${NAME_OF}
      const oauth = await import('/vendor/index.js');
      const { loadKeys } = await import('/key-store.js');
      const token = JSON.parse(sessionStorage.getItem('token.dpop')).value;
      const options = { DPoP: oauth.DPoP({}, await loadKeys()), [oauth.allowInsecureRequests]: true };
      const call = (method, path) => oauth.protectedResourceRequest(token, method, new URL(path, api), null, null, options);
      const { status } = await call('GET', '/account');
      const first = await call('POST', '/transfers').catch((error) => error);
      const second = await call('POST', '/transfers').catch((error) => error);
      return [status, oauth.isDPoPNonceError(first), nameOf(second.response.headers.get('www-authenticate'))];
    })()`,
  },
  {
    name: 'openid-client',
    start: `(async () => {
      ${CONFIG}
      ${OPENID_CLIENT}
      const verifier = client.randomPKCECodeVerifier();
      const state = client.randomState();
      sessionStorage.setItem('openid-client', JSON.stringify({ verifier, state }));
      const code_challenge = await client.calculatePKCECodeChallenge(verifier);
      location.assign(await client.buildAuthorizationUrl(config, { redirect_uri, scope, resource: api, state, code_challenge, code_challenge_method: 'S256' }, { DPoP }));
    })()`,
    finish: `(async () => {
      ${CONFIG}
      ${NAME_OF}
      ${OPENID_CLIENT}
      const { verifier: pkceCodeVerifier, state: expectedState } = JSON.parse(sessionStorage.getItem('openid-client'));
      const { access_token } = await client.authorizationCodeGrant(config, new URL(location.href), { pkceCodeVerifier, expectedState }, {}, { DPoP });
      const call = (method, path) => client.fetchProtectedResource(config, access_token, new URL(path, api), method, null, undefined, { DPoP });
      const { status } = await call('GET', '/account');
      const refused = await call('POST', '/transfers').catch((error) => error);
      return [status, true, nameOf(refused.response.headers.get('www-authenticate'))];
    })()`,
  },
  {
    name: 'oidc-client-ts',
    start: `(async () => {
      ${CONFIG}
      ${OIDC_CLIENT_TS}
      await manager.signinRedirect();
    })()`,
    finish: `(async () => {
      ${CONFIG}
      ${NAME_OF}
      ${OIDC_CLIENT_TS}
      const user = await manager.signinRedirectCallback(location.href);
      const call = async (method, path, nonce) => {
        const url = new URL(path, api).href;
        const dpop = await manager.dpopProof(url, user, method, nonce);
        return await fetch(url, { method, headers: { authorization: 'DPoP ' + user.access_token, dpop } });
      };
      const { status } = await call('GET', '/account');
      const first = await call('POST', '/transfers');
      const isChallenge = nameOf(first.headers.get('www-authenticate')) === 'use_dpop_nonce';
      const second = await call('POST', '/transfers', first.headers.get('dpop-nonce'));
      return [status, isChallenge, nameOf(second.headers.get('www-authenticate'))];
    })()`,
  },
];
