import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Answer } from '../../story/scene.js';

/** A request and its answer, or what the service did to a socket. */
export interface Exchange extends Answer {
  readonly sender: string;
  /** `GET /live` */
  readonly action: string;
  /** A remark for the report. */
  readonly note: string | undefined;
}

export type Headers = Readonly<Record<string, string>>;

export interface Attempt {
  readonly sender: string;
  readonly url: string;
  readonly headers?: Headers;
  readonly note?: string;
}

const TIMEOUT_MS = 10_000;

/** The connection between the senders and the APIs. It records each request. */
export class Wire {
  #exchanges: Exchange[] = [];
  readonly #open: { close(): unknown }[] = [];

  /** Sends a request. Of a stream, only the first event is read. */
  async fetch(attempt: Attempt, init: RequestInit = {}): Promise<Exchange['body']> {
    const controller = new AbortController();
    const { method = 'GET' } = init;
    const response = await fetch(attempt.url, {
      ...init,
      headers: { 'content-type': 'application/json', ...attempt.headers },
      signal: AbortSignal.any([controller.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const body = isStream ? await firstEventOf(response) : ((await response.json()) as Exchange['body']);
    controller.abort();
    this.#record(attempt, method, response.status, body);
    return body;
  }

  /** Asks for a WebSocket and, on it, who the service takes the sender for. `undefined` if it is refused. */
  openWebSocket(attempt: Attempt): Promise<WebSocket | undefined> {
    const { headers } = attempt;
    const socket = new WebSocket(attempt.url.replace('http', 'ws'), headers === undefined ? {} : { headers });
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Exchange['body'];
          this.#record(attempt, 'GET', response.statusCode ?? 0, body);
          resolve(undefined);
        });
      });
      socket.on('open', () => {
        this.#open.push(socket);
        socket.send(JSON.stringify({ event: 'whoami' }));
      });
      socket.once('message', (data: Buffer) => {
        const { data: you } = JSON.parse(data.toString()) as { readonly data: Exchange['body'] };
        this.#record(attempt, 'GET', 101, you);
        resolve(socket);
      });
    });
  }

  /** Reads a stream to its end. */
  async readStream(attempt: Attempt): Promise<void> {
    const { url, headers = {} } = attempt;
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const events = (await response.text()).match(/^data: /gm) ?? [];
    this.#record(attempt, 'GET', response.status, { events: events.length });
  }

  /** Waits until the service closes a WebSocket and a client of socket.io, which it tells why, and a stream has ended. */
  async awaitEnds(socket: WebSocket, ioSocket: Socket, stream: Promise<void>): Promise<void> {
    const closed = new Promise<readonly [number, string]>((resolve) => {
      socket.once('close', (code, reason) => resolve([code, reason.toString()]));
    });
    const told = new Promise<Exchange['body']>((resolve) => {
      ioSocket.once('exception', resolve);
    });
    const disconnected = new Promise((resolve) => {
      ioSocket.once('disconnect', resolve);
    });
    // Each API looks at its clock by itself; the report has an order.
    const [[status, code], body] = await Promise.all([closed, told, disconnected, stream]);
    this.#push({ sender: 'client', action: '/live is closed', status, body: { code } });
    this.#push({ sender: 'client', action: 'socket.io is disconnected', status: 401, body });
  }

  /** Connects a client of socket.io to a namespace, and asks there who the service takes it for. */
  async openIo({ sender, url, headers, note }: Attempt, query?: Headers): Promise<Socket> {
    const socket = io(url, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      ...(headers !== undefined && { extraHeaders: headers }),
      ...(query !== undefined && { query }),
    });
    this.#open.push(socket);
    await this.#awaitConnection(sender, socket, note);
    return socket;
  }

  /** Enters a further namespace over the same connection. */
  async joinIo(sender: string, socket: Socket, namespace: string): Promise<void> {
    await this.#awaitConnection(sender, socket.io.socket(namespace), `namespace ${namespace}`);
  }

  /** Returns the exchanges since the last call, and closes what is open. */
  takeExchanges(): readonly Exchange[] {
    for (const socket of this.#open.splice(0)) socket.close();
    const taken = this.#exchanges;
    this.#exchanges = [];
    return taken;
  }

  async #awaitConnection(sender: string, socket: Socket, note?: string): Promise<void> {
    const refusal = await new Promise<IoRefusal | undefined>((resolve) => {
      socket.once('connect', () => resolve(undefined));
      socket.once('connect_error', resolve);
    });
    const action = 'socket.io';
    if (refusal === undefined) {
      const body = (await socket.timeout(TIMEOUT_MS).emitWithAck('whoami')) as Exchange['body'];
      this.#exchanges.push({ sender, action, note, status: 101, body });
      return;
    }
    const { statusCode = 0, ...data } = refusal.data ?? {};
    const body = { message: refusal.message, ...data };
    this.#exchanges.push({ sender, action, note, status: statusCode, body });
  }

  #push(exchange: Omit<Exchange, 'note'>): void {
    this.#exchanges.push({ note: undefined, ...exchange });
  }

  #record({ sender, url, note }: Attempt, method: string, status: number, body: Exchange['body']): void {
    this.#exchanges.push({ sender, action: `${method} ${new URL(url).pathname}`, note, status, body });
  }
}

interface IoRefusal extends Error {
  readonly data?: { readonly statusCode?: number; readonly code?: string };
}

async function firstEventOf(response: Response): Promise<Exchange['body']> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const data = /^data: (.*)$/m.exec(text)?.[1];
    if (data !== undefined) return JSON.parse(data) as Exchange['body'];
  }
  throw new Error('the stream ended without an event');
}
