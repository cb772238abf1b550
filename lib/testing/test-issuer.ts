import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import type { TestClient } from './test-client.js';

export interface TestIssuerOptions {
  /** Default `https://issuer.test`; with `listen`, the address it listens on. */
  readonly issuer?: string;
  /** Default `https://api.test`. */
  readonly audience?: string;
  /** JWS algorithm of the issuer's key, default `ES256`. */
  readonly algorithm?: string;
  /** Milliseconds since the epoch, default `Date.now`: the clock that tokens are dated by. */
  readonly clock?: Clock;
}

/** What a token says; everything else has a right value already. */
export interface TestTokenOptions {
  /** Whose key the token is bound to; without it and without `jkt` the token is unbound. */
  readonly client?: TestClient;
  readonly jkt?: string;
  readonly scopes?: readonly string[];
  readonly expiresInSeconds?: number;
  /** Claims that replace the right ones; `undefined` removes one. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Header parameters that replace the right ones; `undefined` removes one. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/**
 * An issuer of access tokens (RFC 9068) that needs no network, or listens on loopback with metadata and keys.
 *
 * @example
 * ```ts
 * const issuer = await TestIssuer.create();
 * DpopModule.forRoot({ origin: 'http://localhost:3000', accessToken: issuer.accessToken });
 * ```
 */
export class TestIssuer {
  /** Public keys, the present one last. */
  readonly keys: { keys: JWK[] } = { keys: [] };
  /** While set, the listening issuer answers everything with this status. */
  outageStatus: number | undefined;
  #signing: { readonly kid: string; readonly privateKey: CryptoKey } | undefined;
  #server: Server | undefined;

  private constructor(
    readonly issuer: string,
    readonly audience: string,
    readonly algorithm: string,
    private readonly clock: Clock,
  ) {}

  static async create(options: TestIssuerOptions = {}): Promise<TestIssuer> {
    const { issuer = 'https://issuer.test', audience = 'https://api.test', algorithm = 'ES256' } = options;
    const created = new TestIssuer(issuer, audience, algorithm, options.clock ?? systemClock);
    await created.rotateKey();
    return created;
  }

  /** As `create`, and serves metadata (RFC 8414, OpenID Connect Discovery) and keys on loopback until `close`. */
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

  /** Options that trust this issuer: by its keys or, when it listens, by discovery. */
  get accessToken(): JwtAccessTokenOptions {
    const { issuer, audience } = this;
    return this.#server === undefined
      ? { issuer, audience, keys: structuredClone(this.keys) }
      : { issuer, audience };
  }

  /** A signed access token, right in every respect that the options leave alone. */
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

  /** Makes a new key and signs with it from now on. */
  async rotateKey({ keepOld = true }: { readonly keepOld?: boolean } = {}): Promise<void> {
    const kid = randomUUID();
    const { publicKey, privateKey } = await generateKeyPair(this.algorithm, { extractable: true });
    if (!keepOld) this.keys.keys.length = 0;
    this.keys.keys.push({ ...(await exportJWK(publicKey)), kid, alg: this.algorithm, use: 'sig' });
    this.#signing = { kid, privateKey };
  }

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
