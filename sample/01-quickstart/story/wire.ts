import type { CustomFetch } from 'openid-client';

export interface SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** A request to the API and its answer. */
export interface Exchange {
  readonly sender: string;
  /** A remark for the report. */
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

/** The connection between the senders and the API. It records every request, and can hold one up. */
export class Wire {
  readonly #apiOrigin: string;
  #exchanges: Exchange[] = [];
  #holdUp: ((request: SentRequest) => void) | undefined;

  constructor(api: string) {
    this.#apiOrigin = new URL(api).origin;
  }

  /** `fetch` of the client. Requests to the authorization server are not recorded. */
  readonly fetchAsClient: CustomFetch = async (url, { method, headers, ...init }) => {
    const request: SentRequest = { method, url: new URL(url), headers };
    if (request.url.origin !== this.#apiOrigin)
      return await fetch(url, { method, headers, ...init } as RequestInit);
    if (this.#holdUp === undefined) return await this.deliver('client', request);
    this.#holdUp(request);
    return new Response(null, { status: 504 });
  };

  async deliver(sender: string, request: SentRequest, note?: string): Promise<Response> {
    const { method, url, headers, body = null } = request;
    const response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.clone().text();
    this.#exchanges.push({
      sender,
      note,
      request,
      status: response.status,
      body: (text === '' ? {} : JSON.parse(text)) as Exchange['body'],
      challenge: response.headers.get('www-authenticate') ?? undefined,
      nonce: response.headers.get('dpop-nonce') ?? undefined,
    });
    return response;
  }

  /** Returns the request of a call that reaches the API. */
  async overhear(call: () => Promise<unknown>): Promise<SentRequest> {
    await call();
    const exchange = this.#exchanges.at(-1);
    if (exchange === undefined) throw new Error('no request was sent');
    return exchange.request;
  }

  /** Returns the request of a call and keeps it from the API. The client receives a 504. */
  async holdUp(call: () => Promise<unknown>): Promise<SentRequest> {
    let held: SentRequest | undefined;
    this.#holdUp = (request) => (held = request);
    try {
      await call();
    } finally {
      this.#holdUp = undefined;
    }
    if (held === undefined) throw new Error('no request was sent');
    return held;
  }

  /** Returns the exchanges since the last call. */
  takeExchanges(): readonly Exchange[] {
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }
}
