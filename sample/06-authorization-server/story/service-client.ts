import {
  allowInsecureRequests,
  type AuthorizationServer,
  type Client,
  ClientSecretBasic,
  clientCredentialsGrantRequest,
  customFetch,
  discoveryRequest,
  DPoP,
  type DPoPHandle,
  generateKeyPair,
  genericTokenEndpointRequest,
  introspectionRequest,
  isDPoPNonceError,
  processClientCredentialsResponse,
  processDiscoveryResponse,
  processGenericTokenEndpointResponse,
  processIntrospectionResponse,
  protectedResourceRequest,
} from 'oauth4webapi';
import { ACCESS_TOKEN_TYPE, TOKEN_EXCHANGE } from '../authorization-server/token-exchange.js';
import type { Wire } from './wire.js';

/** A confidential client: oauth4webapi, as its documentation says. With a key or, like an old service, without one. */
export class ServiceClient {
  readonly #options: object;

  private constructor(
    private readonly server: AuthorizationServer,
    private readonly client: Client,
    private readonly secret: string,
    private readonly dpop: DPoPHandle | undefined,
    wire: Wire,
  ) {
    this.#options = {
      // oxlint-disable-next-line typescript/no-deprecated -- marked as a warning; plain http is fine on loopback
      [allowInsecureRequests]: true,
      [customFetch]: wire.fetchAs(client.client_id),
      ...(dpop && { DPoP: dpop }),
    };
  }

  static async create(
    issuer: string,
    [id, secret]: readonly [id: string, secret: string],
    wire: Wire,
    hasKey = true,
  ): Promise<ServiceClient> {
    const url = new URL(issuer);
    // oxlint-disable-next-line typescript/no-deprecated -- marked as a warning; plain http is fine on loopback
    const options = { algorithm: 'oauth2', [allowInsecureRequests]: true } as const;
    const server = await processDiscoveryResponse(url, await discoveryRequest(url, options));
    const client: Client = { client_id: id };
    const dpop = hasKey ? DPoP(client, await generateKeyPair('ES256')) : undefined;
    return new ServiceClient(server, client, secret, dpop, wire);
  }

  async fetchToken(): Promise<string> {
    return await this.#retryWithNonce(async () => {
      const response = await clientCredentialsGrantRequest(
        this.server,
        this.client,
        ClientSecretBasic(this.secret),
        { scope: 'accounts:read' },
        this.#options,
      );
      const { access_token } = await processClientCredentialsResponse(this.server, this.client, response);
      return access_token;
    });
  }

  /** RFC 8693 */
  async exchangeToken(subjectToken: string): Promise<string> {
    return await this.#retryWithNonce(async () => {
      const response = await genericTokenEndpointRequest(
        this.server,
        this.client,
        ClientSecretBasic(this.secret),
        TOKEN_EXCHANGE,
        { subject_token: subjectToken, subject_token_type: ACCESS_TOKEN_TYPE },
        this.#options,
      );
      const { access_token } = await processGenericTokenEndpointResponse(this.server, this.client, response);
      return access_token;
    });
  }

  async introspect(token: string): Promise<Readonly<Record<string, unknown>>> {
    const authentication = ClientSecretBasic(this.secret);
    const response = await introspectionRequest(
      this.server,
      this.client,
      authentication,
      token,
      this.#options,
    );
    return { ...(await processIntrospectionResponse(this.server, this.client, response)) };
  }

  async callApi(api: string, token: string): Promise<void> {
    const url = new URL('/accounts', api);
    await protectedResourceRequest(token, 'GET', url, undefined, undefined, this.#options);
  }

  async #retryWithNonce<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      // The library keeps the nonce of the answer.
      if (this.dpop === undefined || !isDPoPNonceError(error)) throw error;
      return await send();
    }
  }
}
