import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestClient } from 'nestjs-dpop/testing';
import { WebSocket } from 'ws';
import { type Call, proofFor } from './call.js';

/** What a handshake was answered with. */
export interface Handshake {
  /** 101 if the socket is open. */
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly challenge: string | undefined;
  readonly nonce: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly socket: OpenSocket;
}

export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** A client's socket that keeps what it receives. */
export class OpenSocket {
  readonly #received: unknown[] = [];
  readonly #waiting: ((message: unknown) => void)[] = [];
  readonly closed: Promise<Close>;

  constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      const message: unknown = JSON.parse(data.toString());
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#received.push(message);
      else waiting(message);
    });
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  send(event: string, data: unknown = {}): void {
    this.ws.send(JSON.stringify({ event, data }));
  }

  /** The next message that arrives. Rejects if the socket closes before. */
  async next(): Promise<unknown> {
    if (this.#received.length > 0) return this.#received.shift();
    const message = new Promise((resolve) => this.#waiting.push(resolve));
    const ended = this.closed.then(({ code }) => Promise.reject(new Error(`closed with ${code}`)));
    return await Promise.race([message, ended]);
  }

  /** Sends a message and waits for the next one. */
  async ask(event: string, data: unknown = {}): Promise<unknown> {
    this.send(event, data);
    return await this.next();
  }
}

const opened = new Set<WebSocket>();

export function terminateSockets(): void {
  for (const ws of opened) ws.terminate();
  opened.clear();
}

export interface Opening {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly protocols?: string[];
}

/** Opens a socket with these headers, and waits for the answer. Nothing is retried. */
export async function open(
  app: { readonly url: string },
  { path = '/', headers = {}, protocols = [] }: Opening = {},
): Promise<Handshake> {
  const ws = new WebSocket(app.url.replace('http', 'ws') + path, protocols, { headers });
  opened.add(ws);
  // A handshake that is refused also fails as a socket.
  ws.on('error', () => undefined);
  const socket = new OpenSocket(ws);
  const upgraded = once(ws, 'upgrade').then(([response]) => response as IncomingMessage);
  const refused = once(ws, 'unexpected-response').then(([, response]) => response as IncomingMessage);
  for (const promise of [upgraded, refused]) promise.catch(() => undefined);
  // Both reject for a connection that is dropped without an answer.
  const response = await Promise.race([upgraded, refused]);
  const isOpen = response.statusCode === 101;
  if (isOpen && ws.readyState !== WebSocket.OPEN) await once(ws, 'open');
  const body = isOpen ? '' : await text(response);
  return {
    status: response.statusCode,
    code: codeOf(body),
    challenge: response.headers['www-authenticate'],
    nonce: response.headers['dpop-nonce'] as string | undefined,
    headers: response.headers,
    body,
    socket,
  };
}

/** Opens a socket with a token and a proof for its handshake. */
export async function openWith(
  app: { readonly url: string },
  client: TestClient,
  { headers, ...options }: Call & { readonly token: string; readonly protocols?: string[] },
): Promise<Handshake> {
  const credentials = {
    authorization: `DPoP ${options.token}`,
    dpop: options.proof ?? (await proofFor(client, options)),
  };
  return await open(app, { ...options, headers: { ...credentials, ...headers } });
}

function codeOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { readonly code?: string }).code;
  } catch {
    return undefined;
  }
}
