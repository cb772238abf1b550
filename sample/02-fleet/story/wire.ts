import { SERVED_BY } from '../front.js';

export interface SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request to the fleet and its answer. */
export interface Exchange {
  /** Events before the request, such as an outage of Redis. */
  readonly before: readonly string[];
  readonly sender: string;
  /** A remark for the report. */
  readonly note: string | undefined;
  readonly request: SentRequest;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly instance: string;
  readonly durationMs: number;
  /** `DPoP-Nonce` */
  readonly nonce: string | undefined;
  /** `Retry-After` */
  readonly retryAfter: string | undefined;
}

const TIMEOUT_MS = 5000;

/** The connection between the senders and the front. It records every request. */
export class Wire {
  #exchanges: Exchange[] = [];
  #before: string[] = [];

  /** Records an event. */
  note(event: string): void {
    this.#before.push(event);
  }

  async deliver(sender: string, request: SentRequest, note?: string): Promise<Exchange> {
    const exchange = { ...(await exchangeOver(sender, request, note)), before: this.#before.splice(0) };
    this.#exchanges.push(exchange);
    return exchange;
  }

  /** Sends copies of one request at once. Records the accepted copy first, because their order is unknown. */
  async deliverAtOnce(sender: string, request: SentRequest, copies: number, note: string): Promise<void> {
    const before = this.#before.splice(0);
    const sent = Array.from({ length: copies }, () => exchangeOver(sender, request, note));
    const exchanges = (await Promise.all(sent)).toSorted((a, b) => a.status - b.status);
    this.#exchanges.push(
      ...exchanges.map((exchange, index) => ({ ...exchange, before: index === 0 ? before : [] })),
    );
  }

  /** The last exchanges, in order. */
  latest(count: number): readonly Exchange[] {
    return this.#exchanges.slice(-count);
  }

  /** Returns the exchanges since the last call. */
  takeExchanges(): readonly Exchange[] {
    this.#before = [];
    return this.#exchanges.splice(0);
  }
}

async function exchangeOver(
  sender: string,
  request: SentRequest,
  note: string | undefined,
): Promise<Omit<Exchange, 'before'>> {
  const { method, url, headers } = request;
  const sentAtMs = performance.now();
  const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  return {
    sender,
    note,
    request,
    durationMs: performance.now() - sentAtMs,
    status: response.status,
    body: (text === '' ? {} : JSON.parse(text)) as Exchange['body'],
    instance: response.headers.get(SERVED_BY) ?? 'none',
    nonce: response.headers.get('dpop-nonce') ?? undefined,
    retryAfter: response.headers.get('retry-after') ?? undefined,
  };
}
