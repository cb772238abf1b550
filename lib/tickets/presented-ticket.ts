import type { DpopRequest } from '../http/dpop-request.js';
import { normalizeEscapes } from '../http/http-uri.js';

const PARAMETER = 'ticket';
const PROTOCOL_FIELD = 'sec-websocket-protocol';
const PROTOCOL_PREFIX = 'ticket.';

/**
 * The tickets of a request, as written: the query parameter `ticket`, and the sub-protocol `ticket.<value>` in the handshake
 * of a WebSocket. Only a GET has any.
 */
export function readTickets({ method, routedMethod, target, rawHeaders }: DpopRequest): readonly string[] {
  if (method !== 'GET' || (routedMethod ?? method) !== 'GET') return [];
  return [...ticketsOfQuery(target), ...ticketsOfProtocols(rawHeaders)];
}

/** Every parameter that a framework would give the name `ticket`. The values are not decoded: base64url needs no escape. */
function ticketsOfQuery(target: string): readonly string[] {
  const start = target.indexOf('?');
  if (start === -1) return [];
  return target
    .slice(start + 1)
    .split('&')
    .map((parameter) => /([^=]*)=?(.*)/s.exec(parameter) ?? [])
    .filter(([, name = '']) => normalizeEscapes(name) === PARAMETER)
    .map(([, , value = '']) => value);
}

/** The field may come several times, and each time name several protocols (RFC 6455 §11.3.4). */
function ticketsOfProtocols(rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders
    .filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === PROTOCOL_FIELD)
    .flatMap((value) => value.split(','))
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol.startsWith(PROTOCOL_PREFIX))
    .map((protocol) => protocol.slice(PROTOCOL_PREFIX.length));
}
