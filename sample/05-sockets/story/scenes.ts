import type { TestIssuer } from 'nestjs-dpop/testing';
import type { Scene } from '../../story/scene.js';
import { SocketsClient } from '../client/sockets-client.js';
import type { Stage } from '../stage.js';
import { Wire } from './wire.js';

export interface Cast {
  readonly wire: Wire;
  readonly issuer: TestIssuer;
  /** `GET` of this URL opens a plain WebSocket. */
  readonly live: string;
  /** `GET` of this URL opens a connection of socket.io. */
  readonly engine: string;
  readonly ws: string;
  readonly io: string;
  readonly client: SocketsClient;
  readonly thief: SocketsClient;
}

export async function gatherCast({ issuer, ws, io }: Omit<Stage, 'close'>): Promise<Cast> {
  const client = await SocketsClient.create(issuer);
  const thief = await SocketsClient.create(issuer);
  return { wire: new Wire(), issuer, ws, io, live: `${ws}/live`, engine: `${io}/socket.io/`, client, thief };
}

const WEBSOCKET = '?EIO=4&transport=websocket';
const POLLING = '?EIO=4&transport=polling';

/** Fetches a ticket with token and proof. */
async function fetchTicket({ wire, client }: Cast, api: string, path: string): Promise<string> {
  const url = `${api}/tickets`;
  const headers = await client.createHeaders('POST', url);
  const attempt = { sender: 'client', url, headers, note: `a ticket for ${path}` };
  const { ticket } = await wire.fetch(attempt, { method: 'POST', body: JSON.stringify({ path }) });
  return String(ticket);
}

export const SCENES: readonly Scene<Cast>[] = [
  {
    title: 'A WebSocket with a proof',
    why: 'The request that opens a socket is a GET. The adapter verifies it before the upgrade, and the handler of a message finds the verdict.',
    expected: [{ status: 101 }],
    async play({ wire, live, client }) {
      const headers = await client.createHeaders('GET', live);
      await wire.openWebSocket({ sender: 'client', url: live, headers });
    },
  },
  {
    title: 'The stolen token, at the handshake',
    why: 'The thief has the token, and no key for it: without a proof, with a proof of another key, and with a proof of the client that was used before.',
    expected: [
      { status: 401, code: 'invalid_dpop_proof' },
      { status: 401, code: 'invalid_token' },
      { status: 101 },
      { status: 401, code: 'invalid_dpop_proof' },
    ],
    async play({ wire, live, client, thief }) {
      const { token } = client;
      const as = { sender: 'thief', url: live };
      await wire.openWebSocket({ ...as, headers: { authorization: `DPoP ${token}` }, note: 'no proof' });
      const ownKey = await thief.createHeaders('GET', live, token);
      await wire.openWebSocket({ ...as, headers: ownKey, note: 'a key of its own' });
      const headers = await client.createHeaders('GET', live);
      await wire.openWebSocket({ sender: 'client', url: live, headers });
      await wire.openWebSocket({ ...as, headers, note: 'captured and repeated' });
    },
  },
  {
    title: 'A ticket opens one stream of events',
    why: 'EventSource cannot set headers. The client fetches a ticket with token and proof. It opens the stream once. A thief who finds it in a log gets 401.',
    expected: [{ status: 201 }, { status: 200 }, { status: 401, code: 'invalid_ticket' }],
    async play(cast) {
      const { wire, ws } = cast;
      const url = `${ws}/feed?ticket=${await fetchTicket(cast, ws, '/feed')}`;
      await wire.fetch({ sender: 'client', url, note: 'with the ticket' });
      await wire.fetch({ sender: 'thief', url, note: 'the same ticket' });
    },
  },
  {
    title: 'A ticket opens one WebSocket',
    why: 'The ticket stands for its client: the handler sees the key of the client that fetched it.',
    expected: [{ status: 201 }, { status: 101 }, { status: 401, code: 'invalid_ticket' }],
    async play(cast) {
      const { wire, ws, live } = cast;
      const url = `${live}?ticket=${await fetchTicket(cast, ws, '/live')}`;
      await wire.openWebSocket({ sender: 'client', url, note: 'with the ticket' });
      await wire.openWebSocket({ sender: 'thief', url, note: 'the same ticket' });
    },
  },
  {
    title: 'A ticket for another route',
    why: 'A ticket names the path of its route. Refused, it is not spent.',
    expected: [{ status: 201 }, { status: 401, code: 'invalid_ticket' }, { status: 101 }],
    async play(cast) {
      const { wire, ws, live } = cast;
      const ticket = await fetchTicket(cast, ws, '/live');
      await wire.fetch({ sender: 'thief', url: `${ws}/feed?ticket=${ticket}`, note: 'a ticket for /live' });
      await wire.openWebSocket({
        sender: 'client',
        url: `${live}?ticket=${ticket}`,
        note: 'with the ticket',
      });
    },
  },
  {
    title: 'socket.io with a proof',
    why: 'The handshake needs a bound token and a proof. A namespace needs what its gateway requires, here a scope that the token lacks.',
    expected: [{ status: 101 }, { status: 403, code: 'insufficient_scope' }],
    async play({ wire, io, engine, client }) {
      const headers = await client.createHeaders('GET', engine);
      const socket = await wire.openIo({ sender: 'client', url: io, headers });
      await wire.joinIo('client', socket, '/admin');
    },
  },
  {
    title: 'socket.io for a thief',
    why: 'The id of a session would let anybody poll its messages and post in its name. The adapter accepts WebSocket only, and no id.',
    expected: [
      { status: 401, code: 'invalid_token' },
      { status: 400, code: 'invalid_request' },
      { status: 101 },
      { status: 400, code: 'invalid_request' },
    ],
    async play({ wire, io, engine, client, thief }) {
      const ownKey = await thief.createHeaders('GET', engine, client.token);
      const as = { sender: 'thief' };
      await wire.openWebSocket({ ...as, url: engine + WEBSOCKET, headers: ownKey, note: 'a key of its own' });
      await wire.fetch({ ...as, url: engine + POLLING, note: 'by polling' });
      const headers = await client.createHeaders('GET', engine);
      const { id } = (await wire.openIo({ sender: 'client', url: io, headers })).io.engine;
      await wire.openWebSocket({
        ...as,
        url: `${engine}${WEBSOCKET}&sid=${id}`,
        note: 'the id of the session',
      });
    },
  },
  {
    title: 'A ticket opens socket.io',
    why: 'A browser sends it in the query of socket.io.',
    expected: [{ status: 201 }, { status: 101 }],
    async play(cast) {
      const { wire, io } = cast;
      const ticket = await fetchTicket(cast, io, '/socket.io/');
      await wire.openIo({ sender: 'client', url: io, note: 'with the ticket' }, { ticket });
    },
  },
  {
    title: 'The token ends while sockets are open',
    why: 'They live no longer than their token. A WebSocket is closed with 4401, a client of socket.io is told and disconnected, and a stream ends.',
    expected: [
      { status: 101 },
      { status: 101 },
      { status: 200 },
      { status: 4401, code: 'token_expired' },
      { status: 401, code: 'invalid_token' },
    ],
    async play({ wire, issuer, ws, live, io, engine }) {
      const client = await SocketsClient.create(issuer, 3);
      const as = { sender: 'client', note: 'a token for 3 s' };
      const headersOf = (url: string) => client.createHeaders('GET', url);
      const socket = await wire.openWebSocket({ ...as, url: live, headers: await headersOf(live) });
      const ioSocket = await wire.openIo({ ...as, url: io, headers: await headersOf(engine) });
      if (socket === undefined) throw new Error('the socket did not open');
      const feed = `${ws}/feed`;
      const stream = wire.readStream({ ...as, url: feed, headers: await headersOf(feed) });
      await wire.awaitEnds(socket, ioSocket, stream);
    },
  },
];
