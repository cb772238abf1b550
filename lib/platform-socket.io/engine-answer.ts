import { type IncomingMessage, ServerResponse, STATUS_CODES } from 'node:http';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import { mergeFieldNames } from '../http/response-headers.js';
import type { EngineResponse } from './io-types.js';

const EXPOSED = 'Access-Control-Expose-Headers';

/**
 * Answers a request instead of engine.io. Its own response for an upgrade would close the connection without a word, so
 * that the answer is written on the socket there.
 */
export function answer(request: IncomingMessage, response: EngineResponse, refusal: HandshakeRefusal): void {
  if (response instanceof ServerResponse) answerPlain(response, refusal);
  else answerUpgrade(request, refusal);
}

function answerPlain(response: ServerResponse, { status, headers, body }: HandshakeRefusal): void {
  for (const [name, value] of Object.entries(headers)) {
    // The rest of a POST is read, and the connection stays usable.
    if (name === 'Connection') continue;
    // The middleware for CORS, which runs before, may have set it.
    response.setHeader(name, name === EXPOSED ? mergeFieldNames(response.getHeader(name), value) : value);
  }
  response.statusCode = status;
  response.end(body);
}

function answerUpgrade({ socket }: IncomingMessage, { status, headers, body }: HandshakeRefusal): void {
  const lines = Object.entries({ ...headers, 'Content-Length': String(Buffer.byteLength(body)) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  // A client that does not close its side must not keep the socket.
  socket.once('finish', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`);
}

/** Whether the client left while its request was verified. */
export function isGone({ socket }: IncomingMessage, response: EngineResponse): boolean {
  return socket.destroyed || (response instanceof ServerResponse && response.destroyed);
}
