import * as openid from 'openid-client';
import { logIn } from './form-login.js';

export interface LiveClientOptions {
  readonly issuer: string;
  readonly id: string;
  /** None: a public client. */
  readonly secret?: string;
  /** Of ID tokens. Default: what OpenID Connect has by default. */
  readonly idTokenAlgorithm?: string;
}

const REDIRECT_URI = 'http://127.0.0.1/callback';
const ADA = { username: 'ada', password: 'ada-password' } as const;

// Deprecated so that it stands out; here all is plain http on loopback.
// oxlint-disable-next-line typescript/no-deprecated
const allowPlainHttp: (config: openid.Configuration) => void = openid.allowInsecureRequests;

/** A client with a key, which knows the issuer by its metadata. */
export class LiveClient {
  #lastRequest: Request | undefined;

  private constructor(
    private readonly configuration: openid.Configuration,
    private readonly dpop: openid.DPoPHandle,
    readonly jkt: string,
  ) {
    configuration[openid.customFetch] = async (url, init) => {
      this.#lastRequest = new Request(url, init as RequestInit);
      return await fetch(this.#lastRequest.clone());
    };
  }

  static async create(options: LiveClientOptions): Promise<LiveClient> {
    const { issuer, id, secret, idTokenAlgorithm = 'RS256' } = options;
    const metadata = { id_token_signed_response_alg: idTokenAlgorithm };
    const authentication = secret === undefined ? openid.None() : openid.ClientSecretBasic(secret);
    const configuration = await openid.discovery(new URL(issuer), id, metadata, authentication, {
      execute: [allowPlainHttp],
    });
    const dpop = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair('ES256'));
    return new LiveClient(configuration, dpop, await dpop.calculateThumbprint());
  }

  get metadata(): openid.ServerMetadata {
    return this.configuration.serverMetadata();
  }

  /** A token for the client itself. */
  async fetchToken(scope?: string): Promise<string> {
    const grant = scope === undefined ? {} : { scope };
    const response = await openid.clientCredentialsGrant(this.configuration, grant, { DPoP: this.dpop });
    return response.access_token;
  }

  /** A token for the client itself, requested without a proof. */
  async fetchUnboundToken(): Promise<string> {
    return (await openid.clientCredentialsGrant(this.configuration)).access_token;
  }

  /** Tokens for the user Ada, who logs in by the form of the authorization server. */
  async logInAda(scope: string): Promise<openid.TokenEndpointResponse> {
    const pkceCodeVerifier = openid.randomPKCECodeVerifier();
    const expectedState = openid.randomState();
    const url = openid.buildAuthorizationUrl(this.configuration, {
      redirect_uri: REDIRECT_URI,
      scope,
      state: expectedState,
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    const callback = await logIn(url, REDIRECT_URI, ADA);
    const checks = { pkceCodeVerifier, expectedState };
    return await openid.authorizationCodeGrant(this.configuration, callback, checks, undefined, {
      DPoP: this.dpop,
    });
  }

  async refresh(refreshToken: string | undefined): Promise<openid.TokenEndpointResponse> {
    return await openid.refreshTokenGrant(this.configuration, refreshToken ?? '', undefined, {
      DPoP: this.dpop,
    });
  }

  async introspect(token: string): Promise<openid.IntrospectionResponse> {
    return await openid.tokenIntrospection(this.configuration, token);
  }

  async revoke(token: string | undefined): Promise<void> {
    await openid.tokenRevocation(this.configuration, token ?? '');
  }

  /** Calls with a new proof. A refusal is an answer. */
  async call(url: URL, token: string): Promise<Response> {
    try {
      return await openid.fetchProtectedResource(this.configuration, token, url, 'GET', null, undefined, {
        DPoP: this.dpop,
      });
    } catch (error) {
      if (error instanceof openid.WWWAuthenticateChallengeError) return error.response;
      throw error;
    }
  }

  /** Sends the last request once more, as someone who has captured it. */
  async repeatLastRequest(): Promise<Response> {
    if (this.#lastRequest === undefined) throw new Error('no request was sent');
    return await fetch(this.#lastRequest.clone());
  }
}
