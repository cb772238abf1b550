import { TestClient, type TestIssuer } from 'nestjs-dpop/testing';
import type { Exchange, SentRequest, Wire } from '../story/wire.js';

export interface Target {
  readonly method: string;
  readonly path: string;
}

/** A client that follows RFC 9449 §8: it answers a demand for a nonce once, and uses the newest nonce. */
export class FleetClient {
  #nonce: string | undefined;

  private constructor(
    private readonly name: string,
    private readonly keys: TestClient,
    private readonly token: string,
    private readonly api: string,
    private readonly wire: Wire,
  ) {}

  static async create(name: string, issuer: TestIssuer, wire: Wire): Promise<FleetClient> {
    const keys = await TestClient.create();
    return new FleetClient(name, keys, await issuer.issueToken({ client: keys }), issuer.audience, wire);
  }

  /** Calls the API. Returns the last request, which a thief may repeat. */
  async call(target: Target): Promise<SentRequest> {
    const request = await this.prepare(target);
    const exchange = await this.deliver(request);
    if (exchange.body.code !== 'use_dpop_nonce') return request;
    const retry = await this.prepare(target);
    await this.deliver(retry, 'with the nonce');
    return retry;
  }

  /** Creates a request with a new proof, without sending it. */
  async prepare({ method, path }: Target): Promise<SentRequest> {
    const url = new URL(path, this.api);
    const { token } = this;
    const nonce = this.#nonce === undefined ? {} : { nonce: this.#nonce };
    return { method, url, headers: await this.keys.createHeaders({ method, url, token, ...nonce }) };
  }

  /** Sends a request, and keeps the nonce of the answer (§8.2). */
  async deliver(request: SentRequest, note?: string): Promise<Exchange> {
    const exchange = await this.wire.deliver(this.name, request, note);
    this.#nonce = exchange.nonce ?? this.#nonce;
    return exchange;
  }
}
