import { fetchJson } from '../outbound/fetch-json.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { withTimeLimit } from '../outbound/time-limit.js';
import { IssuerKeySet } from './issuer-key-set.js';
import { discoverTrustedEndpoint, type MetadataLocations } from './issuer-metadata.js';
import type { JwtAccessTokenOptions } from './jwt-access-token-options.js';

const DEFAULT_TIMEOUT_MS = 5000;

/** Where the key set of an issuer is, and how it is fetched. */
export class KeySetSource {
  readonly #options: JwtAccessTokenOptions;
  readonly #locationsOf: MetadataLocations | undefined;
  readonly #shutdown = new AbortController();
  /** The `jwks_uri`, once it is known. */
  #location: URL | undefined;

  /** @param locationsOf of the metadata; default: those of an authorization server */
  constructor(options: JwtAccessTokenOptions, locationsOf?: MetadataLocations) {
    this.#options = options;
    this.#locationsOf = locationsOf;
  }

  get isClosed(): boolean {
    return this.#shutdown.signal.aborted;
  }

  /** @throws OutboundError */
  async fetch(): Promise<IssuerKeySet> {
    try {
      this.#location ??= await this.#locate();
      return await this.#fetchFrom(this.#location);
    } catch (error) {
      // The next fetch reads the metadata again: the issuer may have moved the keys.
      this.#location = undefined;
      throw error;
    }
  }

  /** Aborts a running fetch. */
  close(): void {
    this.#shutdown.abort(new OutboundError('the service shuts down'));
  }

  async #locate(): Promise<URL> {
    const { issuer, jwksUri, fetch } = this.#options;
    if (jwksUri !== undefined) return new URL(jwksUri);
    return await this.#limit((signal) =>
      discoverTrustedEndpoint(issuer, 'jwks_uri', signal, fetch, this.#locationsOf),
    );
  }

  async #fetchFrom(location: URL): Promise<IssuerKeySet> {
    const { issuer, fetch } = this.#options;
    try {
      const document = await this.#limit((signal) => fetchJson(location, signal, fetch));
      return new IssuerKeySet(issuer, document);
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      throw new OutboundError(`${location.origin}${location.pathname}: ${error.message}`, { cause: error });
    }
  }

  #limit<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { fetchTimeoutMs: timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
    return withTimeLimit({ option: 'fetchTimeoutMs', timeoutMs }, this.#shutdown.signal, work);
  }
}
