import type { IncomingMessage } from 'node:http';
import { WsException } from '@nestjs/websockets';
import { keepHandshake, type RefusalBody } from '../transport/handshake.js';
import type { WsSocket } from './ws-types.js';

const OPEN = 1;

/** Binds a socket to the request that opened it: guards on its messages find the request. */
export function bindSocket(socket: WsSocket, request: IncomingMessage): void {
  const refused = new WeakSet<object>();
  keepHandshake(socket, request, ({ code, message }: RefusalBody) => {
    const payload = { status: 'error', code, message };
    refused.add(payload);
    return new WsException(payload);
  });
  // The filter of Nest 11 emits the exception on the socket itself, where no client hears it.
  socket.on('exception', (payload) => {
    // Whatever a filter of the app emits: what is no object is none of the refused.
    if (refused.has(payload as object) && socket.readyState === OPEN)
      socket.send(JSON.stringify({ event: 'exception', data: payload }));
  });
}
