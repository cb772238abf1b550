import type { DpopSessions } from '../sessions/dpop-sessions.js';
import type { DpopVerdict } from '../verification/verdict.js';

/** Of the range for applications (RFC 6455 §7.4.2); the digits are those of 401. */
const UNAUTHORIZED = 4401;

/** As much of a socket of the package ws as it takes to end it. */
export interface ClosableSocket {
  once(event: 'close', listener: () => void): unknown;
  removeAllListeners(event: 'message'): unknown;
  close(code: number, reason: string): void;
}

/** Closes a socket with 4401 when the access token that opened it ends. */
export function endWithToken(socket: ClosableSocket, verdict: DpopVerdict, sessions: DpopSessions): void {
  const stop = sessions.watch(verdict, (reason) => closeSocket(socket, UNAUTHORIZED, reason));
  socket.once('close', stop);
}

/** Closes a socket, and handles nothing of it any more: a client may go on sending until it answers the close frame. */
export function closeSocket(socket: ClosableSocket, code: number, reason: string): void {
  socket.removeAllListeners('message');
  socket.close(code, reason);
}
