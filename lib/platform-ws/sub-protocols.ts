import type { IncomingMessage } from 'node:http';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import type { HandleProtocols } from './ws-types.js';

/** A browser may send its ticket as a sub-protocol, since a script cannot set headers. */
const TICKET = /^ticket\./i;

/**
 * Chooses a sub-protocol as ws does: the app's choice, or the first. A ticket is never chosen, since the response would
 * show it.
 *
 * @param ofApp `handleProtocols` of the gateway's options
 */
export function chooseProtocol(ofApp: unknown): HandleProtocols {
  return (offered, request) => {
    const protocols = new Set([...offered].filter((protocol) => !TICKET.test(protocol)));
    const [first = false] = protocols;
    if (typeof ofApp !== 'function' || first === false) return first;
    const chosen = (ofApp as HandleProtocols)(protocols, request);
    return typeof chosen === 'string' && !TICKET.test(chosen) ? chosen : false;
  };
}

const TICKET_ALONE: HandshakeRefusal = {
  status: 400,
  code: 'invalid_request',
  headers: {
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    Connection: 'close',
  },
  body: JSON.stringify({
    statusCode: 400,
    message: 'Offer another sub-protocol beside the ticket: the server never chooses the ticket',
    error: 'Bad Request',
    code: 'invalid_request',
  }),
};

/**
 * The refusal of a handshake that offers a ticket and no other sub-protocol. Clients drop a socket whose server chooses none,
 * and the ticket would be spent for nothing.
 */
export function refuseTicketAlone({ headers }: IncomingMessage): HandshakeRefusal | undefined {
  const offered = headers['sec-websocket-protocol'];
  if (offered === undefined) return undefined;
  return offered.split(',').every((protocol) => TICKET.test(protocol.trim())) ? TICKET_ALONE : undefined;
}
