import { EventEmitter } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { HandClock } from '../../test/support/hand-clock.js';
import { DpopError } from '../errors/dpop.error.js';
import type { RevocationCheck } from '../revocation/revocation-check.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { createTestVerdict } from '../testing/test-verdict.js';
import { leaveVerdict } from '../verification/request-record.js';
import { createUnenforcedVerdict, type DpopVerdict } from '../verification/verdict.js';
import type { IoSocket } from './io-types.js';
import { OpenConnections } from './open-connections.js';

const LIFETIME_SECONDS = 60;

/** Has what is used of a session of engine.io. */
class Connection extends EventEmitter {
  readonly request = new IncomingMessage(new Socket());
  closes = 0;

  constructor(readonly id: string) {
    super();
  }

  close(): void {
    this.closes += 1;
  }
}

/** Has what is used of a socket of socket.io, and keeps what it is told. */
class NamespaceSocket extends EventEmitter {
  readonly told: unknown[][] = [];

  constructor(readonly conn: object) {
    super();
  }

  override emit(event: string, ...parts: unknown[]): boolean {
    if (event === 'exception') this.told.push(['emit', event, ...parts]);
    return super.emit(event, ...parts);
  }

  disconnect(isAll: boolean): void {
    this.told.push(['disconnect', isAll]);
  }
}

let clock: HandClock;
let assertNotRevoked: () => Promise<void>;
let sessions: DpopSessions;

beforeEach(() => {
  clock = new HandClock();
  assertNotRevoked = () => Promise.resolve();
  const revocations = { assertNotRevoked: () => assertNotRevoked() };
  sessions = new DpopSessions(clock.read, revocations as unknown as RevocationCheck);
});

const verdict = (): DpopVerdict => createTestVerdict({ claims: { exp: clock.ms / 1000 + LIFETIME_SECONDS } });

function open(connections: OpenConnections, connection: Connection, given?: DpopVerdict): NamespaceSocket {
  if (given !== undefined) leaveVerdict(connection.request, given);
  connections.watch(connection);
  return enter(connections, connection);
}

function enter(connections: OpenConnections, connection: Connection): NamespaceSocket {
  const socket = new NamespaceSocket(connection);
  connections.add(socket as unknown as IoSocket);
  return socket;
}

function endToken(): void {
  clock.advanceSeconds(LIFETIME_SECONDS);
  sessions.tick();
}

const EXPIRED = {
  status: 'error',
  code: 'invalid_token',
  reason: 'token_expired',
  message: 'The access token has expired',
};

describe('a connection whose token ends (J1)', () => {
  test('is closed, once all its sockets have been told', () => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: false });
    const [connection, other] = [new Connection('a'), new Connection('b')];
    const sockets = [open(connections, connection, verdict()), enter(connections, connection)];
    const ofOther = open(connections, other, createTestVerdict());
    expect(sockets.map(({ told }) => told)).toEqual([[], []]);
    endToken();
    const told = [
      ['emit', 'exception', EXPIRED],
      ['disconnect', true],
    ];
    expect(sockets.map((socket) => socket.told)).toEqual([told, told]);
    expect([connection.closes, other.closes, ofOther.told]).toEqual([1, 0, []]);
  });

  test('stays where a gateway only reports, and its other sockets are disconnected (K1)', () => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: true });
    const connection = new Connection('a');
    const socket = open(connections, connection, verdict());
    endToken();
    expect(socket.told).toEqual([
      ['emit', 'exception', EXPIRED],
      ['disconnect', false],
    ]);
    expect(connection.closes).toBe(0);
  });

  test('is closed without any socket, too', () => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: false });
    const connection = new Connection('a');
    leaveVerdict(connection.request, verdict());
    connections.watch(connection);
    endToken();
    expect(connection.closes).toBe(1);
  });

  test('tells no socket that has left, and is not closed after it has closed by itself', () => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: false });
    const [connection, closed] = [new Connection('a'), new Connection('b')];
    const left = open(connections, connection, verdict());
    const stays = enter(connections, connection);
    left.emit('disconnect');
    const ofClosed = open(connections, closed, verdict());
    closed.emit('close');
    endToken();
    expect(left.told).toStrictEqual([]);
    expect(stays.told).toHaveLength(2);
    expect([closed.closes, ofClosed.told]).toEqual([0, []]);
  });

  test.each<readonly [string, () => Promise<void>, object]>([
    [
      'was revoked',
      () => Promise.reject(new DpopError('token_revoked')),
      { code: 'invalid_token', reason: 'token_revoked', message: 'The access token has been revoked' },
    ],
    [
      'cannot be asked about for long',
      () => Promise.reject(new Error('down')),
      {
        code: 'temporarily_unavailable',
        reason: 'revocation_unavailable',
        message: 'The request cannot be verified at the moment',
      },
    ],
  ])('because it %s tells the sockets why', async (_why, next, notice) => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: false });
    const socket = open(connections, new Connection('a'), verdict());
    assertNotRevoked = next;
    for (let i = 0; i < 20; i += 1) {
      sessions.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(socket.told[0]).toEqual(['emit', 'exception', { status: 'error', ...notice }]);
  });
});

describe('the opener of a session (J1)', () => {
  test('is the verdict on its request, as long as it is open', () => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: false });
    const connection = new Connection('a');
    const opener = verdict();
    open(connections, connection, opener);
    expect(connections.openerOf('a')).toBe(opener);
    expect(connections.openerOf('b')).toBeUndefined();
    connection.emit('close');
    expect(connections.openerOf('a')).toBeUndefined();
  });

  test.each<readonly [string, DpopVerdict | undefined]>([
    ['no verdict', undefined],
    ['a verdict that is not enforced', createUnenforcedVerdict(new DpopError('credentials_missing'))],
  ])('is unknown, and its connection does not end, with %s', (_what, given) => {
    const connections = new OpenConnections(sessions, { refuses: true, reports: false });
    const connection = new Connection('a');
    const socket = open(connections, connection, given);
    endToken();
    expect([connections.openerOf('a'), connection.closes, socket.told]).toEqual([undefined, 0, []]);
    expect(connection.listenerCount('close')).toBe(0);
  });
});
