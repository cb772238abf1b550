import type { ServerResponse } from 'node:http';
import { constants, Http2ServerResponse } from 'node:http2';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { nodeResponseOf } from '../http/response-head.js';
import type { DpopVerdict } from '../verification/verdict.js';
import type { DpopSessions } from './dpop-sessions.js';

/**
 * Ends a response when the access token of its request ends. An event stream is closed properly: its client connects
 * again. Any other connection is cut off, so that its client does not take a part for the whole.
 *
 * @throws DpopUnavailableError for a response that is not one of Node: nothing could end it
 */
export function endWithToken(
  sessions: DpopSessions,
  verdict: DpopVerdict,
  response: object,
  isEventStream: boolean,
): void {
  const node = nodeResponseOf(response) as ServerResponse | Http2ServerResponse | undefined;
  if (node === undefined) {
    throw new DpopUnavailableError('transport_unknown', {
      advice: '@Dpop({ endAtExpiry: true }) can end only responses of the HTTP server of Node',
    });
  }
  if (hasEnded(node)) return;
  const stop = sessions.watch(verdict, () => {
    if (hasEnded(node)) return;
    if (isEventStream && node.headersSent) closeStream(node);
    else cutOff(node);
  });
  node.once('close', stop);
}

function hasEnded({ destroyed, writableEnded }: ServerResponse | Http2ServerResponse): boolean {
  return destroyed || writableEnded;
}

function closeStream(node: ServerResponse | Http2ServerResponse): void {
  // The app may still write: an error that nobody listens to would end the process.
  node.on('error', () => {});
  if (node instanceof Http2ServerResponse) return void node.end();
  const { socket } = node;
  node.end();
  // Nest ends the observable of an event stream when the connection closes, and not before.
  socket?.destroySoon();
}

function cutOff(node: ServerResponse | Http2ServerResponse): void {
  if (node instanceof Http2ServerResponse) node.stream.close(constants.NGHTTP2_CANCEL);
  else node.destroy();
}
