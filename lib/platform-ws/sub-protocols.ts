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
