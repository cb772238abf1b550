import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { JwtAccessTokenOptions } from 'nestjs-dpop';

export const AUDIENCE = 'https://api.test';
export const RFC8414 = '/.well-known/oauth-authorization-server';
export const OPENID = '/.well-known/openid-configuration';

export type Reply = (request: IncomingMessage, response: ServerResponse) => void;

/** An issuer whose every document the test writes; what is not written is 404. */
export class BareIssuer {
  readonly documents = new Map<string, unknown>();
  readonly asked: string[] = [];
  readonly keys: JWK[] = [];

  private constructor(
    private readonly server: Server,
    readonly issuer: string,
  ) {}

  static async listen(): Promise<BareIssuer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const created = new BareIssuer(server, `http://127.0.0.1:${port}`);
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      created.#reply(request, response),
    );
    created.documents.set('/jwks', { keys: created.keys });
    return created;
  }

  get metadata(): object {
    return { issuer: this.issuer, jwks_uri: `${this.issuer}/jwks` };
  }

  get accessToken(): JwtAccessTokenOptions {
    return { issuer: this.issuer, audience: AUDIENCE };
  }

  /** Makes a key and publishes it, with these members added. */
  async addKey(members: object = {}, algorithm = 'ES256'): Promise<CryptoKey> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    this.keys.push({ ...(await exportJWK(publicKey)), ...members });
    return privateKey;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #reply(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.asked.push(path);
    const document = this.documents.get(path);
    if (typeof document === 'function') return (document as Reply)(request, response);
    response.statusCode = document === undefined ? 404 : 200;
    response.setHeader('content-type', 'application/json');
    response.end(typeof document === 'string' ? document : JSON.stringify(document ?? {}));
  }
}
