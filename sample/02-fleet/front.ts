import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** The header with which the front names the instance that answered. */
export const SERVED_BY = 'x-served-by';

const TIMEOUT_MS = 5000;

/** A proxy with one address for clients, which passes each request to the next instance in turn. */
export class Front {
  readonly #agent = new Agent({ keepAlive: true });
  #instances: readonly string[] = [];
  #turn = 0;

  private constructor(
    readonly url: string,
    private readonly server: ReturnType<typeof createServer>,
  ) {}

  /**
   * Listens before the instances start, because they need its address.
   *
   * @param port any by default
   */
  static async listen(port = 0): Promise<Front> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const front = new Front(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
    server.on('request', (request, response) => void front.#pass(request, response));
    server.on('upgrade', (request, socket, head) => front.#tunnel(request, socket, head));
    return front;
  }

  /** @param urls the instances */
  distributeTo(urls: readonly string[]): void {
    this.#instances = urls;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    this.#agent.destroy();
    await once(this.server, 'close');
  }

  #next(): { readonly turn: number; readonly instance: string } {
    const turn = this.#turn++ % Math.max(1, this.#instances.length);
    return { turn, instance: this.#instances[turn] ?? '' };
  }

  /** Hands a WebSocket to the next instance, with the handshake as received. */
  #tunnel({ method, url, rawHeaders }: IncomingMessage, client: Duplex, head: Buffer): void {
    const { hostname, port } = new URL(this.#next().instance);
    const instance = connect(Number(port), hostname);
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    instance.write(`${lines.join('\r\n')}\r\n\r\n`);
    instance.write(head);
    for (const [from, to] of [
      [client, instance],
      [instance, client],
    ] as const) {
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
      from.pipe(to);
    }
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { turn, instance } = this.#next();
    try {
      const answer = await this.#forward(request, new URL(instance));
      const headers = [...answer.rawHeaders, SERVED_BY, `api-${turn + 1}`];
      response.writeHead(answer.statusCode ?? 502, headers);
      await pipeline(answer, response);
    } catch {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    }
  }

  /** Passes all headers on as received: the API must see a header that was sent twice (RFC 9449 §4.3, check 1). */
  async #forward(request: IncomingMessage, { hostname, port }: URL): Promise<IncomingMessage> {
    const { method, url, rawHeaders } = request;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const forwarded = send({
      agent: this.#agent,
      hostname,
      port,
      method,
      path: url,
      headers: [...rawHeaders],
      signal,
    });
    const answered = once(forwarded, 'response', { signal });
    await Promise.all([pipeline(request, forwarded), answered]);
    const [answer] = (await answered) as [IncomingMessage];
    return answer;
  }
}
