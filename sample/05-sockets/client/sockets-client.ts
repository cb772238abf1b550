import { TestClient, type TestIssuer } from 'nestjs-dpop/testing';

/** A client with a key and a token that is bound to it. */
export class SocketsClient {
  private constructor(
    private readonly keys: TestClient,
    readonly token: string,
  ) {}

  static async create(issuer: TestIssuer, expiresInSeconds = 300): Promise<SocketsClient> {
    const client = await TestClient.create();
    return new SocketsClient(client, await issuer.issueToken({ client, expiresInSeconds }));
  }

  get jkt(): string {
    return this.keys.jkt;
  }

  /** The headers of one request, with a new proof. A proof for a WebSocket has `http` or `https` in its `htu`. */
  createHeaders(method: 'GET' | 'POST', url: string, token = this.token): Promise<Record<string, string>> {
    return this.keys.createHeaders({ method, url, token });
  }
}
