import { hash, randomUUID } from 'node:crypto';
import {
  calculateJwkThumbprint,
  CompactSign,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
} from 'jose';
import { type Clock, systemClock } from '../runtime/clock.js';

export interface TestClientOptions {
  /** The JWS algorithm of the client's key, default `ES256`. */
  readonly algorithm?: string;
  /** Returns milliseconds since the Unix epoch, for `iat`. Default `Date.now`. */
  readonly clock?: Clock;
}

/** The request that a proof is for. All other claims and parameters have valid defaults. */
export interface TestProofOptions {
  readonly method: string;
  /** `htu` is this URL without query and fragment (§4.2). */
  readonly url: string | URL;
  /** The access token that is sent with the proof, for `ath`. */
  readonly token?: string;
  readonly nonce?: string;
  /** Claims that replace the defaults; `undefined` removes a claim. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header parameters that replace the defaults; `undefined` removes a parameter. */
  readonly header?: Readonly<Record<string, unknown>>;
}

export type TestFetchInit = Omit<RequestInit, 'headers'> & {
  /** A token bound to the key of this client. Without it, the request has neither token nor proof. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/**
 * A client with a key. It signs valid proofs, and invalid ones for tests of refusals. Its `fetch` answers a demand for a
 * nonce (§8).
 *
 * @example
 * ```ts
 * const client = await TestClient.create();
 * const token = await issuer.issueToken({ client });
 * const response = await client.fetch(`${url}/accounts`, { token });
 * ```
 */
export class TestClient {
  readonly #nonces = new Map<string, string>();

  private constructor(
    readonly algorithm: string,
    /** The thumbprint of the key, for `cnf.jkt`. */
    readonly jkt: string,
    readonly publicJwk: JWK,
    readonly privateKey: CryptoKey,
    private readonly clock: Clock,
  ) {}

  /** Creates a client with a new key. */
  static async create({
    algorithm = 'ES256',
    clock = systemClock,
  }: TestClientOptions = {}): Promise<TestClient> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const publicJwk = await exportJWK(publicKey);
    return new TestClient(algorithm, await calculateJwkThumbprint(publicJwk), publicJwk, privateKey, clock);
  }

  /** A proof (§4.2), valid unless the options change it. */
  async createProof({ method, url, token, nonce, claims, header }: TestProofOptions): Promise<string> {
    const { origin, pathname } = new URL(url);
    const payload = {
      jti: randomUUID(),
      htm: method,
      htu: origin + pathname,
      iat: Math.floor(this.clock() / 1000),
      ...(token !== undefined && { ath: hash('sha256', token, 'base64url') }),
      ...(nonce !== undefined && { nonce }),
      ...claims,
    };
    return await new CompactSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ alg: this.algorithm, typ: 'dpop+jwt', jwk: this.publicJwk, ...header })
      .sign(this.privateKey);
  }

  /** The headers `authorization` and `dpop` of a request, for another HTTP client. */
  async createHeaders(
    options: TestProofOptions & { readonly token: string },
  ): Promise<Record<string, string>> {
    return { authorization: `DPoP ${options.token}`, dpop: await this.createProof(options) };
  }

  /** `fetch` with token and proof. Repeats the request once with the nonce that a service demands; keeps nonces by origin. */
  async fetch(url: string | URL, init: TestFetchInit = {}): Promise<Response> {
    const response = await this.#fetchOnce(url, init);
    const demandsNonce =
      response.headers.get('www-authenticate')?.includes('error="use_dpop_nonce"') === true;
    if (response.status !== 401 || !demandsNonce) return response;
    await response.body?.cancel();
    return await this.#fetchOnce(url, init);
  }

  async #fetchOnce(url: string | URL, { token, headers, ...init }: TestFetchInit): Promise<Response> {
    const { origin } = new URL(url);
    const nonce = this.#nonces.get(origin);
    const method = init.method?.toUpperCase() ?? 'GET';
    const options = { method, url, ...(nonce !== undefined && { nonce }) };
    const credentials = token === undefined ? {} : await this.createHeaders({ ...options, token });
    const response = await fetch(url, { ...init, method, headers: { ...headers, ...credentials } });
    const nextNonce = response.headers.get('dpop-nonce');
    if (nextNonce !== null) this.#nonces.set(origin, nextNonce);
    return response;
  }
}
