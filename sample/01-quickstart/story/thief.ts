import { hash, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { SentRequest, Wire } from './wire.js';

export interface Target {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** Other headers than those of the credentials. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A remark for the report. */
  readonly note?: string;
}

const ALGORITHM = 'ES256';

/** Has tokens and proofs, from a log, a proxy or a browser extension, and its own key. It does not have the client's key. */
export class Thief {
  private constructor(
    private readonly wire: Wire,
    private readonly api: string,
    private readonly privateKey: CryptoKey,
    private readonly publicJwk: JWK,
  ) {}

  static async create(wire: Wire, api: string): Promise<Thief> {
    const { privateKey, publicKey } = await generateKeyPair(ALGORITHM);
    return new Thief(wire, api, privateKey, await exportJWK(publicKey));
  }

  async sendAsBearer(token: string, target: Target): Promise<void> {
    await this.#send(target, { authorization: `Bearer ${token}` });
  }

  async sendWithOwnKey(token: string, target: Target): Promise<void> {
    const dpop = await this.#signProof(token, target);
    await this.#send(target, { authorization: `DPoP ${token}`, dpop });
  }

  /** Repeats a captured request, unchanged or with changes. */
  async resend(
    captured: SentRequest,
    changes: Partial<Target & { readonly token: string }> = {},
  ): Promise<void> {
    const { method = captured.method, path = captured.url.pathname, token, note } = changes;
    const { body } = captured;
    await this.#send(
      { method, path, ...(body !== undefined && { body }), ...(note !== undefined && { note }) },
      { ...captured.headers, ...(token !== undefined && { authorization: `DPoP ${token}` }) },
    );
  }

  async #send(target: Target, credentials: Readonly<Record<string, string>>): Promise<void> {
    const { method, path, body, note } = target;
    const headers = { ...target.headers, ...credentials };
    await this.wire.deliver('thief', { method, url: new URL(path, this.api), headers, body }, note);
  }

  async #signProof(token: string, { method, path }: Target): Promise<string> {
    return await new SignJWT({
      jti: randomUUID(),
      htm: method,
      htu: new URL(path, this.api).href,
      ath: hash('sha256', token, 'base64url'),
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'dpop+jwt', jwk: this.publicJwk })
      .setIssuedAt()
      .sign(this.privateKey);
  }
}
