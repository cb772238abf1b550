import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { SentRequest, Wire } from './wire.js';

/** Has codes and tokens, from a log or a browser extension, and its own key. It does not have the key of a client. */
export class Thief {
  #nonce: string | undefined;

  private constructor(
    private readonly wire: Wire,
    private readonly issuer: string,
    private readonly privateKey: CryptoKey,
    private readonly publicJwk: JWK,
  ) {}

  static async create(wire: Wire, issuer: string): Promise<Thief> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    return new Thief(wire, issuer, privateKey, await exportJWK(publicKey));
  }

  /** Anybody gets a nonce: it proves nothing but when a proof was made. */
  async fetchNonce(): Promise<void> {
    await this.sendWithOwnKey('/token', { grant_type: 'refresh_token' });
  }

  /** Sends a form in the name of the public client, with a proof of the thief's key. */
  async sendWithOwnKey(path: string, form: Readonly<Record<string, string>>): Promise<void> {
    await this.#send(path, form, { dpop: await this.#signProof(path) });
  }

  /** The same without a proof, to get a Bearer token. */
  async sendWithoutProof(path: string, form: Readonly<Record<string, string>>): Promise<void> {
    await this.#send(path, form, {});
  }

  /** Repeats a captured request, octet for octet. */
  async resend(captured: SentRequest): Promise<void> {
    await this.wire.deliver('thief', captured);
  }

  async #send(
    path: string,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const response = await this.wire.deliver('thief', {
      method: 'POST',
      url: new URL(path, this.issuer),
      headers: { accept: 'application/json', ...headers },
      form: new URLSearchParams({ client_id: 'mobile', ...form }),
    });
    this.#nonce = response.headers.get('dpop-nonce') ?? this.#nonce;
  }

  async #signProof(path: string): Promise<string> {
    const claims = { jti: randomUUID(), htm: 'POST', htu: new URL(path, this.issuer).href };
    return await new SignJWT({ ...claims, ...(this.#nonce !== undefined && { nonce: this.#nonce }) })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: this.publicJwk })
      .setIssuedAt()
      .sign(this.privateKey);
  }
}
