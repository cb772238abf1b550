import type { IncomingMessage } from 'node:http';
import { WsException } from '@nestjs/websockets';
import type { DpopSessions } from '../sessions/dpop-sessions.js';
import { keepHandshake, type RefusalBody } from '../transport/handshake.js';
import { verdictOn } from '../verification/request-record.js';
import type { WsSocket } from './ws-types.js';

/** Of the range for applications (RFC 6455 §7.4.2); the digits are those of 401. */
const UNAUTHORIZED = 4401;
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
    if (typeof payload !== 'object' || payload === null || !refused.has(payload)) return;
    if (socket.readyState === OPEN) socket.send(JSON.stringify({ event: 'exception', data: payload }));
  });
}

/** Ends a socket with the access token that opened it. */
export function endWithToken(socket: WsSocket, request: IncomingMessage, sessions: DpopSessions): void {
  const verdict = verdictOn(request);
  if (verdict === undefined) return;
  const stop = sessions.watch(verdict, (reason) => {
    // A client may go on sending until it has answered the close frame.
    socket.removeAllListeners('message');
    socket.close(UNAUTHORIZED, reason);
  });
  socket.once('close', stop);
}
