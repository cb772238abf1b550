import * as oauth from 'oauth4webapi';
import { discoverTrustedEndpoint } from '../issuer/issuer-metadata.js';
import type { Fetch } from '../outbound/outbound-request.js';
import { OutboundError, readOutbound, sendOutbound } from '../outbound/outbound-request.js';
import { withTimeLimit } from '../outbound/time-limit.js';
import type { ParsedIntrospection } from './introspection-option-parser.js';

/** What the endpoint answered, as received. */
export interface IntrospectionReply {
  /** 400 for a request that the endpoint does not like, which may be due to the token. */
  readonly status: 200 | 400;
  /** The media type in lower case, without parameters. */
  readonly mediaType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Origin and path of the endpoint, for the operator. */
  readonly endpoint: string;
}

// Deprecated so that it stands out. The options and the search for the endpoint have asserted where plain http is allowed.
// oxlint-disable-next-line typescript/no-deprecated
const ALLOW_HTTP = { [oauth.allowInsecureRequests]: true };

/** Why the endpoint did not answer the question, by status. */
const REFUSALS: Readonly<Record<number, string>> = {
  401: 'it does not accept the credentials of this service (status 401): compare client with what is registered, and whether the registered method is client_secret_basic, client_secret_post or private_key_jwt',
  403: 'it does not let this client introspect tokens (status 403): allow that at the issuer',
  404: 'there is none (status 404): correct endpoint or the metadata of the issuer',
  429: 'this service asks too often (status 429): raise cacheSeconds, or the limit at the issuer',
};

/** The introspection endpoint of an issuer: where it is, and how it is asked. */
export class IntrospectionEndpoint {
  readonly #options: ParsedIntrospection;
  readonly #shutdown = new AbortController();
  #location: Promise<URL> | undefined;

  constructor(options: ParsedIntrospection) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#shutdown.signal.aborted;
  }

  /**
   * Finds the endpoint, and imports the private key of the client.
   *
   * @throws OutboundError
   */
  async open(): Promise<void> {
    await this.#authentication();
    await this.#locate();
  }

  /**
   * Asks about a token.
   *
   * @throws OutboundError when the endpoint cannot be asked, or its answer says nothing about the token
   */
  async ask(token: string): Promise<IntrospectionReply> {
    const authentication = await this.#authentication();
    const location = await this.#locate();
    try {
      return await this.#limit((signal) => this.#exchange(location, authentication, token, signal));
    } catch (error) {
      // The next request reads the metadata again: the issuer may have moved the endpoint.
      this.#location = undefined;
      throw nameEndpoint(location, error);
    }
  }

  /** Aborts running requests. */
  close(): void {
    this.#shutdown.abort(new OutboundError('the service shuts down'));
  }

  async #exchange(
    location: URL,
    authentication: oauth.ClientAuth,
    token: string,
    signal: AbortSignal,
  ): Promise<IntrospectionReply> {
    const { accessToken, client, signedResponses, clock } = this.#options;
    const response = await oauth.introspectionRequest(
      { issuer: accessToken.issuer, introspection_endpoint: location.href },
      { client_id: client.clientId, [oauth.clockSkew]: skewSeconds(clock) },
      authentication,
      token,
      {
        requestJwtResponse: signedResponses,
        additionalParameters: { token_type_hint: 'access_token' },
        [oauth.customFetch]: bindFetch(signal, accessToken.fetch),
        ...ALLOW_HTTP,
      },
    );
    const { status } = response;
    if (status !== 200 && status !== 400) {
      await response.body?.cancel();
      throw new OutboundError(REFUSALS[status] ?? `status ${status}`);
    }
    return {
      status,
      mediaType: mediaTypeOf(response),
      body: new Uint8Array(await readOutbound(response, signal)),
      endpoint: location.origin + location.pathname,
    };
  }

  async #authentication(): Promise<oauth.ClientAuth> {
    try {
      return await this.#options.client.ready();
    } catch (cause) {
      throw new OutboundError('the private key of client cannot be used: check privateKey and algorithm', {
        cause,
      });
    }
  }

  /** Concurrent callers share one search. */
  #locate(): Promise<URL> {
    const { endpoint, accessToken } = this.#options;
    if (endpoint !== undefined) return Promise.resolve(new URL(endpoint));
    this.#location ??= this.#limit((signal) =>
      discoverTrustedEndpoint(accessToken.issuer, 'introspection_endpoint', signal, accessToken.fetch),
    ).catch((error: unknown) => {
      this.#location = undefined;
      throw error;
    });
    return this.#location;
  }

  #limit<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    return withTimeLimit({ option: 'timeoutMs', timeoutMs }, this.#shutdown.signal, work);
  }
}

function bindFetch(signal: AbortSignal, fetcher: Fetch | undefined) {
  return (url: string, init: RequestInit): Promise<Response> =>
    sendOutbound(new URL(url), { ...init, signal }, fetcher);
}

/** oauth4webapi reads the clock of the machine. */
export function skewSeconds(clock: () => number): number {
  return Math.floor(clock() / 1000) - Math.floor(Date.now() / 1000);
}

function mediaTypeOf({ headers }: Response): string {
  const [type] = (headers.get('content-type') ?? '').split(';') as [string];
  return type.trim().toLowerCase();
}

function nameEndpoint({ origin, pathname }: URL, cause: unknown): OutboundError {
  const problem = cause instanceof OutboundError ? cause.message : 'the request failed';
  return new OutboundError(`${origin}${pathname}: ${problem}`, { cause });
}
