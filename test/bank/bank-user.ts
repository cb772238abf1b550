import * as oauth from 'oauth4webapi';
import { THIEF } from '../../sample/07-bank/authorization-server/clients.js';
import type { Stage } from '../../sample/07-bank/stage.js';
import { CookieJar } from './cookie-jar.js';

// Deprecated so that it stands out; here all is plain http on loopback.
// oxlint-disable-next-line typescript/no-deprecated
const INSECURE = { [oauth.allowInsecureRequests]: true };

export type ClientId = 'bank-page' | 'bank-page-bearer';

/** Does what the page does, in Node: logs in with PKCE, holds a key, and signs proofs with it. */
export class BankUser {
  readonly #cookies = new CookieJar();

  private constructor(
    private readonly stage: Stage,
    private readonly keys: oauth.CryptoKeyPair,
    private readonly server: oauth.AuthorizationServer,
  ) {}

  static async create(stage: Stage): Promise<BankUser> {
    const issuer = new URL(stage.issuer);
    const server = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, INSECURE),
    );
    return new BankUser(stage, await oauth.generateKeyPair('ES256'), server);
  }

  /** @param extra parameters of the authorization request, such as those of a step-up */
  async logIn(
    clientId: ClientId = 'bank-page',
    extra: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const isBound = clientId === 'bank-page';
    const parameters = {
      client_id: clientId,
      redirect_uri: `${this.stage.page}/`,
      response_type: 'code',
      scope: 'openid account transfer',
      resource: isBound ? this.stage.api : this.stage.plainApi,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      ...(isBound && { dpop_jkt: await this.#thumbprint() }),
      ...extra,
    };
    const returned = await this.#authenticate(
      new URL(`${this.server.authorization_endpoint}?${new URLSearchParams(parameters).toString()}`),
    );
    const client: oauth.Client = { client_id: clientId };
    const response = await oauth.authorizationCodeGrantRequest(
      this.server,
      client,
      oauth.None(),
      oauth.validateAuthResponse(this.server, client, returned, state),
      `${this.stage.page}/`,
      verifier,
      { ...INSECURE, ...(isBound && { DPoP: oauth.DPoP(client, this.keys) }) },
    );
    const { access_token, token_type } = await oauth.processAuthorizationCodeResponse(
      this.server,
      client,
      response,
    );
    if (token_type !== (isBound ? 'dpop' : 'bearer')) throw new Error(`token_type is ${token_type}`);
    return access_token;
  }

  /** The token of a client of the thief's own, bound to this user's key. */
  async logInAsThief(): Promise<string> {
    const client: oauth.Client = { client_id: THIEF.id };
    const response = await oauth.clientCredentialsGrantRequest(
      this.server,
      client,
      oauth.ClientSecretBasic(THIEF.secret),
      { resource: this.stage.api, scope: 'account' },
      { ...INSECURE, DPoP: oauth.DPoP(client, this.keys) },
    );
    return (await oauth.processClientCredentialsResponse(this.server, client, response)).access_token;
  }

  /** @param claims instead of those of a good proof */
  async createProof(
    url: string,
    token: string,
    claims: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const { publicKey, privateKey } = this.keys;
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
    const ath = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(token))).toString('base64url');
    const iat = Math.floor(Date.now() / 1000);
    const payload = { jti: crypto.randomUUID(), htm: 'GET', htu: url, iat, ath, ...claims };
    const input = [{ alg: 'ES256', typ: 'dpop+jwt', jwk: { kty, crv, x, y } }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = await crypto.subtle.sign(algorithm, privateKey, Buffer.from(input));
    return `${input}.${Buffer.from(signature).toString('base64url')}`;
  }

  /** Sends the request once more where the server answers with a nonce challenge. */
  async transfer(token: string, body: object): Promise<readonly Response[]> {
    const url = `${this.stage.api}/transfers`;
    const send = async (claims: object) => {
      const dpop = await this.createProof(url, token, { htm: 'POST', ...claims });
      const headers = { authorization: `DPoP ${token}`, dpop, 'content-type': 'application/json' };
      return await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    };
    const first = await send({});
    const nonce = first.headers.get('dpop-nonce');
    if (nonce === null || !first.headers.get('www-authenticate')?.includes('use_dpop_nonce')) return [first];
    return [first, await send({ nonce })];
  }

  async #thumbprint(): Promise<string> {
    return await oauth.DPoP({}, this.keys).calculateThumbprint();
  }

  /** From the authorization endpoint over the login page to the redirect to the page. */
  async #authenticate(start: URL): Promise<URL> {
    let url = start;
    for (let hop = 0; hop < 6; hop += 1) {
      const response = await this.#cookies.fetch(
        url,
        url.pathname.startsWith('/interaction/') ? 'POST' : 'GET',
      );
      const location = response.headers.get('location');
      if (location === null) throw new Error(`${url.pathname}: ${response.status} ${await response.text()}`);
      url = new URL(location, url);
      if (url.origin === this.stage.page) return url;
    }
    throw new Error('The login does not end');
  }
}
