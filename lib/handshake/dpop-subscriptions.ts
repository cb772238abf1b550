import { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { isObject } from '../http/is-object.js';
import { nodeRequestOf } from '../http/node-request.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { type DpopPolicy, isReportOnly, overlayPolicy } from '../verification/policy.js';
import { shareRecord } from '../verification/request-record.js';
import { DpopHandshakes } from './dpop-handshakes.js';
import { closeSocket, type ClosableSocket, endWithToken } from './end-with-token.js';
import type { GraphqlWsHooks, MercuriusHooks } from './subscription-hooks.js';

const OPEN = 1;
/** Tells clients to come back (IANA registry of RFC 6455 §11.7). */
const TRY_AGAIN_LATER = 1013;
const NAME = { handler: 'GraphQL subscriptions' };

/** As much of a socket of the package ws as is used here. */
interface Socket extends ClosableSocket {
  readonly readyState: number;
}

/**
 * Verifies the sockets of GraphQL subscriptions when they open, and closes them with 4401 when the token ends. A refused
 * socket is closed with 4400, 4401 or 4403 and the stable code as the reason, and with 1013 if the service fails. Guards of
 * resolvers find the verdict.
 *
 * @example
 * ```ts
 * GraphQLModule.forRootAsync<ApolloDriverConfig>({
 *   driver: ApolloDriver,
 *   inject: [DpopSubscriptions],
 *   useFactory: (subscriptions: DpopSubscriptions) => ({
 *     subscriptions: { 'graphql-ws': subscriptions.forGraphqlWs() },
 *   }),
 * });
 * ```
 */
@Injectable()
export class DpopSubscriptions {
  readonly #watched = new WeakSet<object>();

  constructor(
    @Inject(DpopHandshakes) private readonly handshakes: DpopHandshakes,
    @Inject(DpopSessions) private readonly sessions: DpopSessions,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
  ) {}

  /**
   * Options for graphql-ws, which Apollo uses: `subscriptions: { 'graphql-ws': subscriptions.forGraphqlWs() }`.
   *
   * @param policy over that of the service
   */
  forGraphqlWs(policy: Partial<DpopPolicy> = {}): GraphqlWsHooks {
    return {
      onConnect: async ({ extra }) => {
        const { socket, request } = isObject(extra) ? extra : {};
        return await this.open(socket, request, policy);
      },
    };
  }

  /**
   * Options for Mercurius: `subscription: subscriptions.forMercurius()`. Its server refuses before the upgrade, with the
   * whole answer.
   *
   * @param policy over that of the service
   */
  forMercurius(policy: Partial<DpopPolicy> = {}): MercuriusHooks {
    return {
      verifyClient: ({ req }, answer) => {
        void this.answerUpgrade(req, policy, answer);
      },
      context: async (socket, request) => {
        const raw = nodeRequestOf(request);
        if (raw !== undefined) shareRecord(raw, request);
        if (await this.open(socket, raw, policy)) return {};
        // Mercurius goes on with everything but an error.
        throw new Error('The socket of a GraphQL subscription was refused');
      },
    };
  }

  /**
   * Verifies the request that opened a socket, and watches its token; or closes the socket. For a hook of your own.
   *
   * @param socket of the package ws
   * @param request the GET request of Node that opened it
   * @returns whether the socket is still open
   */
  async open(socket: unknown, request: unknown, policy: Partial<DpopPolicy> = {}): Promise<boolean> {
    if (!isSocket(socket) || !(request instanceof IncomingMessage)) return false;
    const { verdict, refusal } = await this.handshakes.verify(request, policy, NAME);
    if (socket.readyState !== OPEN) return false;
    if (refusal !== undefined) {
      closeSocket(socket, closeCodeOf(refusal.status), refusal.code);
      return false;
    }
    // A client may ask for the connection twice.
    if (verdict === undefined || this.#watched.has(socket)) return true;
    this.#watched.add(socket);
    // Report mode ends no socket.
    if (!isReportOnly(overlayPolicy(this.config.policy, policy)))
      endWithToken(socket, verdict, this.sessions);
    return true;
  }

  private async answerUpgrade(
    request: IncomingMessage,
    policy: Partial<DpopPolicy>,
    answer: Parameters<MercuriusHooks['verifyClient']>[1],
  ): Promise<void> {
    try {
      const { refusal } = await this.handshakes.verify(request, policy, NAME);
      if (refusal === undefined) answer(true);
      else answer(false, refusal.status, refusal.body, { ...refusal.headers });
    } catch (error) {
      // A listener of the app threw when the socket opened. No caller would catch it, and the process would end.
      request.socket.destroy();
      this.handshakes.fail(request, error, NAME);
    }
  }
}

function closeCodeOf(status: number): number {
  return status === 503 ? TRY_AGAIN_LATER : 4000 + status;
}

function isSocket(socket: unknown): socket is Socket {
  return (
    isObject(socket) &&
    ['once', 'removeAllListeners', 'close'].every((name) => typeof socket[name] === 'function')
  );
}
