import type { IncomingMessage } from 'node:http';
import type { ClosableSocket } from '../handshake/end-with-token.js';

/** As much of a socket of the package ws as is used here. That package is a dependency of @nestjs/platform-ws. */
export interface WsSocket extends ClosableSocket {
  readonly readyState: number;
  on(event: 'exception', listener: (payload: unknown) => void): unknown;
  send(text: string): void;
}

/** As much of a server of the package ws. */
export interface WsServer {
  on(event: 'headers', listener: (headers: string[], request: IncomingMessage) => void): unknown;
  on(event: 'connection', listener: (socket: WsSocket, request: IncomingMessage) => void): unknown;
}

/** What `verifyClient` of ws is called with. */
export interface ClientInfo {
  readonly origin: string | undefined;
  readonly secure: boolean;
  readonly req: IncomingMessage;
}

/** Accepts the handshake, or answers it with a whole HTTP response. */
export type Answer = (
  isAccepted: boolean,
  status?: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
) => void;

/** An asynchronous `verifyClient`. The package ws tells it from a synchronous one by its two parameters. */
export type VerifyClient = (info: ClientInfo, answer: Answer) => void;

/** Chooses one of the sub-protocols that the client offers; `false` for none. */
export type HandleProtocols = (offered: Set<string>, request: IncomingMessage) => string | false;
