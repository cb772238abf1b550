import {
  allowInsecureRequests,
  ClientSecretBasic,
  clientCredentialsGrant,
  type Configuration,
  type CryptoKeyPair,
  type CustomFetch,
  customFetch,
  discovery,
  type DPoPHandle,
  fetchProtectedResource,
  getDPoPHandle,
  modifyAssertion,
  randomDPoPKeyPair,
  WWWAuthenticateChallengeError,
} from 'openid-client';

export interface QuickstartClientOptions {
  readonly issuer: string;
  /** The API. It is also the resource for which the client requests tokens. */
  readonly api: string;
  readonly credentials: { readonly id: string; readonly secret: string };
  /** Default: the global `fetch`. */
  readonly fetch?: CustomFetch;
}

export interface CallOptions {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  /** Sets `iat` of the proof that many seconds back. */
  readonly proofAgeSeconds?: number;
}

const TIMEOUT_SECONDS = 5;

/** A client with a key. openid-client requests the token, signs proofs and answers a demand for a nonce. */
export class QuickstartClient {
  private constructor(
    readonly jkt: string,
    private readonly api: string,
    private readonly configuration: Configuration,
    private readonly keys: CryptoKeyPair,
    private readonly dpop: DPoPHandle,
  ) {}

  /** Reads the metadata of the issuer and creates a key. */
  static async create({
    issuer,
    api,
    credentials,
    fetch,
  }: QuickstartClientOptions): Promise<QuickstartClient> {
    const configuration = await discovery(
      new URL(issuer),
      credentials.id,
      undefined,
      ClientSecretBasic(credentials.secret),
      {
        // oxlint-disable-next-line typescript/no-deprecated -- marked as a warning; plain http is fine on loopback
        execute: [allowInsecureRequests],
        timeout: TIMEOUT_SECONDS,
        ...(fetch !== undefined && { [customFetch]: fetch }),
      },
    );
    const keys = await randomDPoPKeyPair('ES256');
    const dpop = getDPoPHandle(configuration, keys);
    return new QuickstartClient(await dpop.calculateThumbprint(), api, configuration, keys, dpop);
  }

  /** Requests an access token that is bound to the key of this client. */
  async fetchToken(...scopes: readonly string[]): Promise<string> {
    const parameters = { resource: this.api, ...(scopes.length > 0 && { scope: scopes.join(' ') }) };
    const { access_token } = await clientCredentialsGrant(this.configuration, parameters, {
      DPoP: this.dpop,
    });
    return access_token;
  }

  /** Calls the API with a new proof. openid-client answers a demand for a nonce. */
  async call({ method, path, token, proofAgeSeconds }: CallOptions): Promise<Response> {
    const url = new URL(path, this.api);
    const DPoP = proofAgeSeconds === undefined ? this.dpop : this.#withProofAge(proofAgeSeconds);
    try {
      return await fetchProtectedResource(this.configuration, token, url, method, undefined, undefined, {
        DPoP,
      });
    } catch (error) {
      if (error instanceof WWWAuthenticateChallengeError) return error.response;
      throw error;
    }
  }

  #withProofAge(seconds: number): DPoPHandle {
    return getDPoPHandle(this.configuration, this.keys, {
      [modifyAssertion]: (_header, payload) => {
        payload.iat = Math.floor(Date.now() / 1000) - seconds;
      },
    });
  }
}
