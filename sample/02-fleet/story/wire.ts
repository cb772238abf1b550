import { SERVED_BY } from '../front.js';

export interface SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request to the fleet and its answer. */
export interface Exchange {
  /** What happened on the stage before it was sent. */
  readonly before: readonly string[];
  readonly sender: string;
  /** What is special about the request, for whoever reads of it. */
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

/** The way between the senders and the front, where every request is seen. */
export class Wire {
  #exchanges: Exchange[] = [];
  #before: string[] = [];

  /** Notes what happens on the stage. */
  tell(event: string): void {
    this.#before.push(event);
  }

  async deliver(sender: string, request: SentRequest, note?: string): Promise<Exchange> {
    const exchange = { ...(await exchangeOver(sender, request, note)), before: this.#before.splice(0) };
    this.#exchanges.push(exchange);
    return exchange;
  }

  /** Sends one request many times at once. What was accepted is told first: nobody knows who came first. */
  async deliverAtOnce(sender: string, request: SentRequest, copies: number, note: string): Promise<void> {
    const before = this.#before.splice(0);
    const sent = Array.from({ length: copies }, () => exchangeOver(sender, request, note));
    const exchanges = (await Promise.all(sent)).toSorted((a, b) => a.status - b.status);
    this.#exchanges.push(
      ...exchanges.map((exchange, index) => ({ ...exchange, before: index === 0 ? before : [] })),
    );
  }

  /** The last ones, in order. */
  latest(count: number): readonly Exchange[] {
    return this.#exchanges.slice(-count);
  }

  /** What went over the wire since the last time. */
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
