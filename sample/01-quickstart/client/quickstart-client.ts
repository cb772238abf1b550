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
  /** The API, which is also the resource that tokens are asked for. */
  readonly api: string;
  readonly credentials: { readonly id: string; readonly secret: string };
  /** Default: the global `fetch`. */
  readonly fetch?: CustomFetch;
}

export interface CallOptions {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  /** Dates the proof back, as if it had been made that long ago. */
  readonly proofAgeSeconds?: number;
}

const TIMEOUT_SECONDS = 5;

/** A client with a key of its own, as openid-client makes it: token, proofs and the answer to a demand for a nonce. */
export class QuickstartClient {
  private constructor(
    readonly jkt: string,
    private readonly api: string,
    private readonly configuration: Configuration,
    private readonly keys: CryptoKeyPair,
    private readonly dpop: DPoPHandle,
  ) {}

  /** Reads the metadata of the issuer, and makes a key. */
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
        // oxlint-disable-next-line typescript/no-deprecated -- marked so to be noticed; plain http is right on loopback
        execute: [allowInsecureRequests],
        timeout: TIMEOUT_SECONDS,
        ...(fetch !== undefined && { [customFetch]: fetch }),
      },
    );
    const keys = await randomDPoPKeyPair('ES256');
    const dpop = getDPoPHandle(configuration, keys);
    return new QuickstartClient(await dpop.calculateThumbprint(), api, configuration, keys, dpop);
  }

  /** An access token bound to this client's key. */
  async fetchToken(...scopes: readonly string[]): Promise<string> {
    const parameters = { resource: this.api, ...(scopes.length > 0 && { scope: scopes.join(' ') }) };
    const { access_token } = await clientCredentialsGrant(this.configuration, parameters, {
      DPoP: this.dpop,
    });
    return access_token;
  }

  /** Calls the API with a fresh proof; a demand for a nonce is answered by openid-client itself. */
  async call({ method, path, token, proofAgeSeconds }: CallOptions): Promise<Response> {
    const url = new URL(path, this.api);
    const DPoP = proofAgeSeconds === undefined ? this.dpop : this.#datedBack(proofAgeSeconds);
    try {
      return await fetchProtectedResource(this.configuration, token, url, method, undefined, undefined, {
        DPoP,
      });
    } catch (error) {
      if (error instanceof WWWAuthenticateChallengeError) return error.response;
      throw error;
    }
  }

  #datedBack(seconds: number): DPoPHandle {
    return getDPoPHandle(this.configuration, this.keys, {
      [modifyAssertion]: (_header, payload) => {
        payload.iat = Math.floor(Date.now() / 1000) - seconds;
      },
    });
  }
}
