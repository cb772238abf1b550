import type { CustomFetch } from 'openid-client';

export interface SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request to the API and its answer. */
export interface Exchange {
  readonly sender: string;
  /** What is special about the request, for whoever reads of it. */
  readonly note: string | undefined;
  readonly request: SentRequest;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** `WWW-Authenticate` */
  readonly challenge: string | undefined;
  /** `DPoP-Nonce` */
  readonly nonce: string | undefined;
}

const TIMEOUT_MS = 5000;

/** The way between the senders and the API, where every request is seen, and one can be held up. */
export class Wire {
  readonly #apiOrigin: string;
  #exchanges: Exchange[] = [];
  #holdUp: ((request: SentRequest) => void) | undefined;

  constructor(api: string) {
    this.#apiOrigin = new URL(api).origin;
  }

  /** `fetch` of the client. Its talk with the authorization server passes unseen. */
  readonly fetchAsClient: CustomFetch = async (url, { method, headers, ...init }) => {
    const request: SentRequest = { method, url: new URL(url), headers };
    if (request.url.origin !== this.#apiOrigin)
      return await fetch(url, { method, headers, ...init } as RequestInit);
    if (this.#holdUp === undefined) return await this.deliver('client', request);
    this.#holdUp(request);
    return new Response(null, { status: 504 });
  };

  async deliver(sender: string, request: SentRequest, note?: string): Promise<Response> {
    const { method, url, headers } = request;
    const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    this.#exchanges.push({
      sender,
      note,
      request,
      status: response.status,
      body: (await response.clone().json()) as Exchange['body'],
      challenge: response.headers.get('www-authenticate') ?? undefined,
      nonce: response.headers.get('dpop-nonce') ?? undefined,
    });
    return response;
  }

  /** The request of a call that reached the API. */
  async overhear(call: () => Promise<unknown>): Promise<SentRequest> {
    await call();
    const exchange = this.#exchanges.at(-1);
    if (exchange === undefined) throw new Error('nothing was sent');
    return exchange.request;
  }

  /** The request of a call that never reached the API; the client is told that the gateway timed out. */
  async holdUp(call: () => Promise<unknown>): Promise<SentRequest> {
    let held: SentRequest | undefined;
    this.#holdUp = (request) => (held = request);
    try {
      await call();
    } finally {
      this.#holdUp = undefined;
    }
    if (held === undefined) throw new Error('nothing was sent');
    return held;
  }

  /** What went over the wire since the last time. */
  takeExchanges(): readonly Exchange[] {
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }
}
