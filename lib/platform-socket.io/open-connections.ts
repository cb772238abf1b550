import { REFUSALS } from '../errors/catalogue.js';
import type { DpopSessions } from '../sessions/dpop-sessions.js';
import type { SessionEnd } from '../sessions/session-end.js';
import { verdictOn } from '../verification/request-record.js';
import type { EngineSession, IoSocket } from './io-types.js';

/** What the client reads in the event `exception`, just before it is disconnected. */
const NOTICES: Readonly<Record<SessionEnd, readonly [code: string, message: string]>> = {
  token_expired: REFUSALS.token_expired,
  token_revoked: REFUSALS.token_revoked,
  revocation_unavailable: ['temporarily_unavailable', 'The request cannot be verified at the moment'],
};

/** Ends a connection, with its sockets in all namespaces, when the access token that opened it ends. */
export class OpenConnections {
  readonly #sessions: DpopSessions;
  readonly #byId = new Map<string, EngineSession>();
  readonly #sockets = new WeakMap<object, Set<IoSocket>>();

  constructor(sessions: DpopSessions) {
    this.#sessions = sessions;
  }

  /** Watches the token of a connection. One that no verdict opened belongs to gateways that `@SkipDpop` opens. */
  readonly watch = (connection: EngineSession): void => {
    this.#byId.set(connection.id, connection);
    connection.once('close', () => this.#byId.delete(connection.id));
    const verdict = verdictOn(connection.request);
    if (verdict === undefined) return;
    const stop = this.#sessions.watch(verdict, (reason) => this.#end(connection, reason));
    connection.once('close', stop);
  };

  /** Remembers a socket of a connection, so that it can be told of the end. */
  readonly add = (socket: IoSocket): void => {
    const sockets = this.#sockets.get(socket.conn) ?? new Set();
    this.#sockets.set(socket.conn, sockets.add(socket));
    socket.once('disconnect', () => sockets.delete(socket));
  };

  /** The open connection of a `sid`. */
  find(sid: string): EngineSession | undefined {
    return this.#byId.get(sid);
  }

  #end(connection: EngineSession, reason: SessionEnd): void {
    const sockets = [...(this.#sockets.get(connection) ?? [])];
    const [code, message] = NOTICES[reason];
    for (const socket of sockets) socket.emit('exception', { status: 'error', code, reason, message });
    // Closes the connection, too, once the client has been told.
    for (const socket of sockets) socket.disconnect(true);
    connection.close();
  }
}
