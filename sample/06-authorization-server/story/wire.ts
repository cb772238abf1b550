import type { Answer } from '../../story/scene.js';

export interface SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The parameters of a form. */
  readonly form: URLSearchParams | undefined;
}

/** A request to the authorization server or to the API, and its answer. */
export interface Exchange extends Answer {
  readonly sender: string;
  readonly request: SentRequest;
  /** `DPoP-Nonce` */
  readonly nonce: string | undefined;
  readonly cacheControl: string | undefined;
}

type ClientFetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
  },
) => Promise<Response>;

const TIMEOUT_MS = 5000;

/** The connection between the senders and both servers. It records every request but those for metadata and keys. */
export class Wire {
  #exchanges: Exchange[] = [];

  /** `fetch` of a client library. */
  fetchAs(sender: string): ClientFetch {
    return async (url, { method, headers, body }) => {
      const target = new URL(url);
      if (target.pathname.startsWith('/.well-known/') || target.pathname === '/jwks')
        return await fetch(target, { method, headers });
      const form = body === undefined || body === null ? undefined : toForm(body);
      return await this.deliver(sender, { method, url: target, headers, form });
    };
  }

  async deliver(sender: string, request: SentRequest): Promise<Response> {
    const { method, url, headers, form } = request;
    const response = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(form && { body: form }),
    });
    const body = (await response.clone().json()) as Readonly<Record<string, unknown>>;
    this.#exchanges.push({
      sender,
      request,
      status: response.status,
      // The API has the code in `code`, the authorization server in `error`.
      body: body['code'] === undefined ? { ...body, code: body['error'] } : body,
      nonce: response.headers.get('dpop-nonce') ?? undefined,
      cacheControl: response.headers.get('cache-control') ?? undefined,
    });
    return response;
  }

  /** The last request to a path. */
  lastRequest(path: string): SentRequest {
    const found = this.#exchanges.findLast(({ request }) => request.url.pathname === path);
    if (found === undefined) throw new Error(`no request to ${path} was sent`);
    return found.request;
  }

  /** Returns the exchanges since the last call. */
  takeExchanges(): readonly Exchange[] {
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }
}

function toForm(body: unknown): URLSearchParams {
  if (body instanceof URLSearchParams) return body;
  if (typeof body === 'string') return new URLSearchParams(body);
  throw new Error('a client sent a body that is no form');
}
