import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import type { TestClient } from './test-client.js';

export interface TestIssuerOptions {
  /** Default `https://issuer.test`; with `listen`, the address on which it listens. */
  readonly issuer?: string;
  /** Default `https://api.test`. */
  readonly audience?: string;
  /** The JWS algorithm of the issuer's key, default `ES256`. */
  readonly algorithm?: string;
  /** Returns milliseconds since the Unix epoch, for `iat` and `exp`. Default `Date.now`. */
  readonly clock?: Clock;
}

/** The content of a token. All other claims and parameters have valid defaults. */
export interface TestTokenOptions {
  /** The client to whose key the token is bound. Without `client` and `jkt`, the token is unbound. */
  readonly client?: TestClient;
  /** The thumbprint of the key to which the token is bound. */
  readonly jkt?: string;
  readonly scopes?: readonly string[];
  /** Default 300. */
  readonly expiresInSeconds?: number;
  /** Claims that replace the defaults; `undefined` removes a claim. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header parameters that replace the defaults; `undefined` removes a parameter. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/**
 * An issuer of access tokens (RFC 9068) for tests. `create` needs no network; `listen` serves metadata and keys on
 * loopback.
 *
 * @example
 * ```ts
 * const issuer = await TestIssuer.create();
 * DpopModule.forRoot({ origin: 'http://localhost:3000', accessToken: issuer.accessToken });
 * ```
 */
export class TestIssuer {
  /** The public keys, the signing one last. */
  readonly keys: { keys: JWK[] } = { keys: [] };
  /** While set, a listening issuer answers every request with this status. */
  outageStatus: number | undefined;
  #signing: { readonly kid: string; readonly privateKey: CryptoKey } | undefined;
  #server: Server | undefined;

  private constructor(
    readonly issuer: string,
    readonly audience: string,
    readonly algorithm: string,
    private readonly clock: Clock,
  ) {}

  /** Creates an issuer with a new key. It does not listen. */
  static async create(options: TestIssuerOptions = {}): Promise<TestIssuer> {
    const { issuer = 'https://issuer.test', audience = 'https://api.test', algorithm = 'ES256' } = options;
    const created = new TestIssuer(issuer, audience, algorithm, options.clock ?? systemClock);
    await created.rotateKey();
    return created;
  }

  /** Like `create`; also serves metadata (RFC 8414, OpenID Connect Discovery) and keys on loopback until `close`. */
  static async listen(
    options: Omit<TestIssuerOptions, 'issuer'> & { readonly port?: number } = {},
  ): Promise<TestIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const listening = await TestIssuer.create({ ...options, issuer: `http://127.0.0.1:${port}` });
    listening.#server = server;
    server.on('request', ({ url }, response) => {
      const document = listening.outageStatus === undefined ? listening.#documentAt(url) : undefined;
      response.statusCode = listening.outageStatus ?? (document === undefined ? 404 : 200);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(document ?? {}));
    });
    return listening;
  }

  /** The option `accessToken` for this issuer: with its keys, or with discovery if it listens. */
  get accessToken(): JwtAccessTokenOptions {
    const { issuer, audience } = this;
    return this.#server === undefined
      ? { issuer, audience, keys: structuredClone(this.keys) }
      : { issuer, audience };
  }

  /** A signed access token, valid unless the options change it. */
  async issueToken(options: TestTokenOptions = {}): Promise<string> {
    const { client, jkt = client?.jkt, scopes = [], expiresInSeconds = 300, claims, header } = options;
    if (this.#signing === undefined) throw new Error('the issuer has no key');
    const nowSeconds = Math.floor(this.clock() / 1000);
    return await new SignJWT({
      iss: this.issuer,
      aud: this.audience,
      sub: 'user',
      client_id: 'client',
      jti: randomUUID(),
      iat: nowSeconds,
      exp: nowSeconds + expiresInSeconds,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      ...(jkt !== undefined && { cnf: { jkt } }),
      ...claims,
    })
      .setProtectedHeader({ alg: this.algorithm, typ: 'at+jwt', kid: this.#signing.kid, ...header })
      .sign(this.#signing.privateKey);
  }

  /**
   * Creates a new key and signs with it from now on.
   *
   * @param options `keepOld`: whether the former keys stay in the key set, default true
   */
  async rotateKey(options: { readonly keepOld?: boolean } = {}): Promise<void> {
    const { keepOld = true } = options;
    const kid = randomUUID();
    const { publicKey, privateKey } = await generateKeyPair(this.algorithm, { extractable: true });
    if (!keepOld) this.keys.keys.length = 0;
    this.keys.keys.push({ ...(await exportJWK(publicKey)), kid, alg: this.algorithm, use: 'sig' });
    this.#signing = { kid, privateKey };
  }

  /** Stops listening. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  #documentAt(path: string | undefined): object | undefined {
    if (path === '/jwks') return this.keys;
    if (path?.startsWith('/.well-known/') !== true) return undefined;
    return { issuer: this.issuer, jwks_uri: `${this.issuer}/jwks` };
  }
}
