import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import { io, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client';

/** What a client of socket.io learns when it connects to a namespace: a connection, or why there is none. */
export interface Connecting {
  readonly socket: Socket;
  /** `undefined` once connected. */
  readonly error: ConnectError | undefined;
}

export interface ConnectError extends Error {
  readonly data?: { readonly code?: string; readonly statusCode?: number; readonly challenge?: string };
  readonly description?: unknown;
}

export interface ConnectOptions extends Partial<ManagerOptions & SocketOptions> {
  readonly namespace?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The answer to a request for an upgrade. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The value of `DPoP-Nonce`. */
  readonly nonce: string | undefined;
  readonly body: string;
}

const OPEN_TARGET = '/socket.io/?EIO=4&transport=websocket';

/** Clients of socket.io, each with a connection of its own, and no reconnection. Close them after each test. */
export class IoClients {
  readonly #sockets: Socket[] = [];

  connect(app: { readonly url: string }, options: ConnectOptions = {}): Promise<Connecting> {
    const { namespace = '/', headers, ...rest } = options;
    const socket = io(app.url + namespace, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      ...(headers !== undefined && { extraHeaders: headers }),
      ...rest,
    });
    this.#sockets.push(socket);
    return outcomeOf(socket);
  }

  /** Connects to a further namespace over the connection of `socket`. */
  join(socket: Socket, namespace: string): Promise<Connecting> {
    const joined = socket.io.socket(namespace);
    this.#sockets.push(joined);
    return outcomeOf(joined);
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) socket.disconnect();
  }
}

function outcomeOf(socket: Socket): Promise<Connecting> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve({ socket, error: undefined }));
    socket.once('connect_error', (error) => resolve({ socket, error }));
  });
}

/** The next event of this name. */
export function next<T>(socket: Socket, event: string): Promise<T> {
  return new Promise((resolve) => {
    socket.once(event, resolve);
  });
}

/** Asks for an upgrade as a client of WebSocket does, and hangs up after the answer. */
export function askUpgrade(
  port: number,
  headers: Readonly<Record<string, string>> = {},
  target = OPEN_TARGET,
): Promise<UpgradeAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      path: target,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      },
    });
    const settle = ({ statusCode = 0, headers: received }: IncomingMessage, body: string) => {
      const nonce = received['dpop-nonce'];
      resolve({ status: statusCode, headers: received, nonce: nonce?.toString(), body });
    };
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      settle(response, '');
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => settle(response, Buffer.concat(chunks).toString()));
    });
    request.on('error', reject);
    request.end();
  });
}
