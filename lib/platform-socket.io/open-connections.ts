import { REFUSALS } from '../errors/catalogue.js';
import type { DpopSessions } from '../sessions/dpop-sessions.js';
import type { SessionEnd } from '../sessions/session-end.js';
import { verdictOn } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';
import type { EngineSession, IoSocket } from './io-types.js';
import type { ServerRules } from './server-rules.js';

/** What the client reads in the event `exception`, just before it is disconnected. */
const NOTICES: Readonly<Record<SessionEnd, readonly [code: string, message: string]>> = {
  token_expired: REFUSALS.token_expired,
  token_revoked: REFUSALS.token_revoked,
  revocation_unavailable: ['temporarily_unavailable', 'The request cannot be verified at the moment'],
};

/** Ends connections, with their sockets in all namespaces, when the access tokens that opened them end. */
export class OpenConnections {
  readonly #sessions: DpopSessions;
  /** Whether the connection is closed. Otherwise only those of its sockets end that were added. */
  readonly #endsAll: boolean;
  readonly #openers = new Map<string | undefined, DpopVerdict>();
  readonly #sockets = new WeakMap<object, Set<IoSocket>>();

  constructor(sessions: DpopSessions, { reports }: ServerRules) {
    this.#sessions = sessions;
    this.#endsAll = !reports;
  }

  /** Watches the token of a connection. One without a verdict has none: it belongs to open gateways, or to nobody. */
  readonly watch = (connection: EngineSession): void => {
    // Kept from the beginning: a namespace that only reports may leave another one on the request.
    const verdict = verdictOn(connection.request);
    if (verdict?.enforced !== true) return;
    this.#openers.set(connection.id, verdict);
    const stop = this.#sessions.watch(verdict, (reason) => this.#end(connection, reason));
    connection.once('close', () => {
      this.#openers.delete(connection.id);
      stop();
    });
  };

  /** Remembers a socket of a connection, so that it can be told of the end. */
  add(socket: IoSocket): void {
    const sockets = this.#sockets.get(socket.conn) ?? new Set();
    this.#sockets.set(socket.conn, sockets.add(socket));
    socket.once('disconnect', () => sockets.delete(socket));
  }

  /** The verdict that opened the connection of a `sid`, if there is such a connection. */
  openerOf(sid: string | undefined): DpopVerdict | undefined {
    return this.#openers.get(sid);
  }

  #end(connection: EngineSession, reason: SessionEnd): void {
    const sockets = [...(this.#sockets.get(connection) ?? [])];
    const [code, message] = NOTICES[reason];
    for (const socket of sockets) socket.emit('exception', { status: 'error', code, reason, message });
    // Closes the connection, too, once the client has been told.
    for (const socket of sockets) socket.disconnect(this.#endsAll);
    if (this.#endsAll) connection.close();
  }
}
