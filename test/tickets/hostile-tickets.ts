import { expect } from '@jest/globals';
import type { TestClient } from 'nestjs-dpop/testing';
import { assertRefused } from '../hostile/expectations.js';
import { type Refused, refused, unauthenticated } from '../hostile/row.js';
import { proofFor } from '../support/call.js';
import { type Field, type RawRequest, type RawResponse, sendRaw } from '../support/raw-request.js';
import { fetchTicket, type TicketApp } from './ticket-app.js';

/** What a change may need beside the ticket. */
export interface Hand {
  readonly ticket: string;
  /** A second ticket that is as good. */
  readonly other: string;
  readonly token: string;
  /** A proof for `GET /feed`. */
  readonly proof: string;
}

export interface TicketRow {
  readonly what: string;
  readonly change: (hand: Hand) => RawRequest;
  readonly expect: Refused;
}

const get = (target: string, ...fields: readonly Field[]): RawRequest => ({ target, fields });
const withTicket = (change: (ticket: string) => string) => (hand: Hand) =>
  get(`/feed?ticket=${change(hand.ticket)}`);
const protocols = (value: string): Field => ['Sec-WebSocket-Protocol', value];

export const badTicket = (reason: Refused['reason']): Refused =>
  refused('invalid_ticket', reason, { used: undefined });
const badRequest = (reason: Refused['reason']): Refused =>
  refused('invalid_request', reason, { used: undefined });

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const nextCharacter = (character: string | undefined): string =>
  ALPHABET[(ALPHABET.indexOf(character ?? '') + 1) % 64] ?? '';

/** The same ticket with one bit of one octet changed. */
export function flipBit(ticket: string, octet: number): string {
  const bytes = Buffer.from(ticket, 'base64url');
  const at = octet < 0 ? bytes.length + octet : octet;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64url');
}

const rowsOf = (
  expected: Refused,
  changes: Readonly<Record<string, TicketRow['change']>>,
): readonly TicketRow[] =>
  Object.entries(changes).map(([what, change]) => ({ what, change, expect: expected }));

/** One change of a request that would pass: `GET /feed?ticket=…`. */
export const TICKET_ROWS: readonly TicketRow[] = [
  ...rowsOf(badTicket('ticket_invalid'), {
    'an empty ticket': withTicket(() => ''),
    'a parameter without a value': () => get('/feed?ticket'),
    'random octets of the same length': withTicket((ticket) => 'A'.repeat(ticket.length)),
    'a ticket without its last character': withTicket((ticket) => ticket.slice(0, -1)),
    'a ticket without its first character': withTicket((ticket) => ticket.slice(1)),
    'the first half of a ticket': withTicket((ticket) => ticket.slice(0, ticket.length / 2)),
    'nothing but the salt of a ticket': withTicket((ticket) => ticket.slice(0, 32)),
    'as little as salt and tag': withTicket((ticket) => ticket.slice(0, 32) + ticket.slice(-22)),
    'a character more': withTicket((ticket) => `${ticket}A`),
    'an octet more': withTicket((ticket) => `${ticket}AA`),
    'a ticket of 12,000 characters': withTicket((ticket) => ticket.padEnd(12_000, 'A')),
    'idle bits set in the last character': withTicket(
      (ticket) => ticket.slice(0, -1) + nextCharacter(ticket.at(-1)),
    ),
    'padding at the end': withTicket((ticket) => `${ticket}=`),
    'an escaped character': withTicket((ticket) => `%${ticket.charCodeAt(0).toString(16)}${ticket.slice(1)}`),
    'an escaped blank at the end': withTicket((ticket) => `${ticket}%20`),
    'an escaped line break at the end': withTicket((ticket) => `${ticket}%0a`),
    'a plus at the end': withTicket((ticket) => `${ticket}+`),
    'the alphabet of plain base64': withTicket((ticket) =>
      Buffer.from(ticket, 'base64url').toString('base64').replaceAll('=', '').concat('+'),
    ),
    'the salt of one ticket and the content of another': ({ ticket, other }) =>
      get(`/feed?ticket=${ticket.slice(0, 32)}${other.slice(32)}`),
    'the tag of another ticket': ({ ticket, other }) =>
      get(`/feed?ticket=${ticket.slice(0, -22)}${other.slice(-22)}`),
    'an access token': ({ token }) => get(`/feed?ticket=${token}`),
    'a flipped bit in the salt': withTicket((ticket) => flipBit(ticket, 0)),
    'a flipped bit in the content': withTicket((ticket) => flipBit(ticket, 24)),
    'a flipped bit in the tag': withTicket((ticket) => flipBit(ticket, -1)),
    'an empty ticket as sub-protocol': () => get('/feed', protocols('ticket.')),
    'a truncated ticket as sub-protocol': ({ ticket }) =>
      get('/feed', protocols(`feed, ticket.${ticket.slice(4)}`)),
  }),
  ...rowsOf(badTicket('ticket_path'), {
    'the path of another route that allows tickets': ({ ticket }) => get(`/other?ticket=${ticket}`),
    'an absolute-form target with another path': ({ ticket }) =>
      get(`http://127.0.0.1/other?ticket=${ticket}`),
  }),
  ...rowsOf(unauthenticated, {
    'no ticket': () => get('/feed'),
    'a route that does not allow tickets': ({ ticket }) => get(`/closed?ticket=${ticket}`),
    'a route that does not allow tickets, as sub-protocol': ({ ticket }) =>
      get('/closed', protocols(`ticket.${ticket}`)),
    'another case of the name': ({ ticket }) => get(`/feed?Ticket=${ticket}`),
    'a name in brackets': ({ ticket }) => get(`/feed?ticket[]=${ticket}`),
    'the method POST': ({ ticket }) => ({ ...get(`/feed?ticket=${ticket}`), method: 'POST', body: '' }),
    'the method PUT': ({ ticket }) => ({ ...get(`/feed?ticket=${ticket}`), method: 'PUT', body: '' }),
    'the method DELETE': ({ ticket }) => ({ ...get(`/feed?ticket=${ticket}`), method: 'DELETE' }),
    'a ticket in a field of its own': ({ ticket }) => get('/feed', ['Ticket', ticket]),
    'a ticket in a cookie': ({ ticket }) => get('/feed', ['Cookie', `ticket=${ticket}`]),
    'a sub-protocol with another prefix': ({ ticket }) => get('/feed', protocols(`Ticket.${ticket}`)),
  }),
  ...rowsOf(badRequest('ticket_repeated'), {
    'the same ticket twice': ({ ticket }) => get(`/feed?ticket=${ticket}&ticket=${ticket}`),
    'two tickets': ({ ticket, other }) => get(`/feed?ticket=${ticket}&a=b&ticket=${other}`),
    'a second ticket without a value': ({ ticket }) => get(`/feed?ticket=${ticket}&ticket`),
    'a second ticket under an escaped name': ({ ticket, other }) =>
      get(`/feed?ticket=${ticket}&%74icket=${other}`),
    'a ticket in the query and as sub-protocol': ({ ticket, other }) =>
      get(`/feed?ticket=${ticket}`, protocols(`ticket.${other}`)),
    'two sub-protocols': ({ ticket, other }) => get('/feed', protocols(`ticket.${ticket}, ticket.${other}`)),
    'two fields of sub-protocols': ({ ticket, other }) =>
      get('/feed', protocols(`ticket.${ticket}`), protocols(`ticket.${other}`)),
  }),
  ...rowsOf(badRequest('ticket_beside_credentials'), {
    'a good token and a good proof beside it': ({ ticket, token, proof }) =>
      get(`/feed?ticket=${ticket}`, ['Authorization', `DPoP ${token}`], ['DPoP', proof]),
    'a proof beside it': ({ ticket, proof }) => get(`/feed?ticket=${ticket}`, ['DPoP', proof]),
    'another scheme beside it': ({ ticket }) =>
      get(`/feed?ticket=${ticket}`, ['Authorization', 'Basic YTpi']),
    'an empty Authorization beside it': ({ ticket }) => get(`/feed?ticket=${ticket}`, ['Authorization', '']),
    'a bad ticket beside good credentials': ({ token, proof }) =>
      get('/feed?ticket=x', ['Authorization', `DPoP ${token}`], ['DPoP', proof]),
  }),
];

export interface Attack {
  readonly app: TicketApp;
  readonly client: TestClient;
  readonly token: string;
}

/** Sends the request that passes first, then the changed one, which must be refused and reach no handler. */
export async function playTicketRow({ app, client, token }: Attack, row: TicketRow): Promise<void> {
  const fetchOne = () => fetchTicket(app, client, token);
  const good = await sendTicketRequest(app, get(`/feed?ticket=${await fetchOne()}`));
  expect(good.status).toBe(200);
  const runs = app.runs.length;
  const proof = await proofFor(client, { path: '/feed', token });
  const hand = { ticket: await fetchOne(), other: await fetchOne(), token, proof };
  const response = await sendTicketRequest(app, row.change(hand));
  assertTicketRefused(response, row.expect);
  expect(app.runs).toHaveLength(runs);
  // Nothing of it was spent: the ticket still opens its route.
  expect((await sendTicketRequest(app, get(`/feed?ticket=${hand.ticket}`))).status).toBe(200);
}

export function sendTicketRequest(app: TicketApp, request: RawRequest): Promise<RawResponse> {
  return sendRaw(app.port, { ...request, fields: [['Host', '127.0.0.1'], ...(request.fields ?? [])] });
}

/** Status, challenge, code, sentence and nonce, and nothing of what was sent. */
export function assertTicketRefused(response: RawResponse, expected: Refused): void {
  assertRefused(response, expected, { dpop: { origin: '', accessToken: [] } });
}
