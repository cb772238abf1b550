import { callBank } from './bank-api.js';
import { config } from './config.js';

/** The bank closes the socket with this code when the access token ends. */
const TOKEN_ENDED = 4401;

/**
 * Opens the live feed. A browser cannot set headers on a WebSocket: a ticket, fetched with token and proof, opens it once.
 *
 * @returns a function that closes it
 */
export async function openFeed(dpop, { onAccount, onEnd, onBreak }) {
  const { ticket } = await callBank('dpop', dpop, 'POST', '/tickets');
  const socket = new WebSocket(`${config.api.replace('http', 'ws')}/feed`, [`ticket.${ticket}`, 'feed.v1']);
  const closed = new AbortController();
  const on = (type, listener) => socket.addEventListener(type, listener, { signal: closed.signal });
  on('open', () => socket.send(JSON.stringify({ event: 'watch' })));
  on('message', ({ data }) => {
    const message = JSON.parse(data);
    if (message.event === 'account') onAccount(message.data);
  });
  on('close', ({ code }) => {
    if (code === TOKEN_ENDED) onEnd(code);
    else onBreak(code);
  });
  return () => {
    closed.abort();
    socket.close();
  };
}
