import { ServerResponse, validateHeaderValue } from 'node:http';
import type { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import type { ConnectionPolicy } from '../handshake/gateway-policies.js';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import { dpopResponseHeaders, mergeField } from '../http/response-headers.js';
import type { DpopPolicy } from '../verification/policy.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { answer, isGone } from './engine-answer.js';
import type { EngineRequest, EngineResponse } from './io-types.js';
import type { OpenConnections } from './open-connections.js';
import type { ServerRules } from './server-rules.js';

/** Without these words, the client would be told of missing credentials, and not that its transport never works. */
const WRONG_TRANSPORT: HandshakeRefusal = {
  status: 400,
  code: 'invalid_request',
  headers: {
    'Cache-Control': 'no-store',
    'Content-Type': 'application/json; charset=utf-8',
    Connection: 'close',
  },
  body: JSON.stringify({
    statusCode: 400,
    message: "Only the WebSocket transport is accepted; set transports: ['websocket'] in the client",
    error: 'Bad Request',
    code: 'invalid_request',
  }),
};

const OWNER = 'the client that opened the session. This session belongs to another client';

/**
 * Verifies the requests of engine.io before engine.io acts on them: the one that opens a session and, where polling is on,
 * each further one.
 */
export class EngineRequests {
  readonly #connections: OpenConnections;
  readonly #handshakes: DpopHandshakes;
  readonly #required: ConnectionPolicy;
  readonly #refuses: boolean;
  readonly #polling: boolean;

  /**
   * @param connections those that these requests opened
   * @param required what all requests must meet
   * @param polling whether it is accepted
   */
  constructor(
    connections: OpenConnections,
    handshakes: DpopHandshakes,
    required: ConnectionPolicy,
    { refuses }: ServerRules,
    polling: boolean,
  ) {
    this.#connections = connections;
    this.#handshakes = handshakes;
    this.#required = required;
    this.#refuses = refuses;
    this.#polling = polling || !refuses;
  }

  /**
   * The middleware. It never calls `next` for a request that is refused: engine.io would answer in its own words. It never
   * rejects: engine.io would not notice, and the process would end.
   */
  async handle(request: EngineRequest, response: EngineResponse, next: () => void): Promise<void> {
    let isPassed = false;
    const pass = (): void => {
      isPassed = true;
      next();
    };
    try {
      await this.#handle(request, response, pass);
    } catch (error) {
      this.#fail(request, response, error, isPassed);
    }
  }

  async #handle(request: EngineRequest, response: EngineResponse, next: () => void): Promise<void> {
    // Nothing else listens to the socket of an upgrade by now, and an error without a listener would end the process.
    if (!(response instanceof ServerResponse)) request.socket.on('error', ignore);
    const { sid, transport } = request['_query'];
    // engine.io would let a second WebSocket take over a session by its sid alone, even where polling is off.
    if (!this.#polling && (sid !== undefined || transport !== 'websocket'))
      return answer(request, response, WRONG_TRANSPORT);
    const { policy, name } = this.#required;
    if (policy === undefined) return next();
    const { verdict, refusal } = await this.#handshakes.verify(request, this.#withOwner(policy, sid), name);
    if (isGone(request, response)) return;
    if (refusal !== undefined) return answer(request, response, refusal);
    if (verdict?.nextNonce !== undefined) writeNonce(response, verdict.nextNonce);
    hideTicket(request);
    next();
  }

  /** Answers 503, unless engine.io has the request: then a listener of the app has thrown. */
  #fail(request: EngineRequest, response: EngineResponse, error: unknown, isPassed: boolean): void {
    try {
      const refusal = this.#handshakes.fail(request, error, this.#required.name);
      if (!isPassed) return answer(request, response, refusal);
    } catch {
      // The logger of the app throws as well.
    }
    request.socket.destroy();
  }

  /**
   * A request with the sid of a session must come from the client that opened it, even if some gateways only report: others
   * may have let the session in. An unknown sid is left to engine.io.
   */
  #withOwner(policy: DpopPolicy, sid: string | undefined): DpopPolicy {
    const opener = this.#connections.openerOf(sid);
    if (opener === undefined || !this.#refuses) return policy;
    const isOwner = (verdict: DpopVerdict) => isSameClient(opener, verdict);
    // The log shows the name of a predicate as what was required.
    Object.defineProperty(isOwner, 'name', { value: OWNER });
    return { ...policy, enforcement: 'enforce', anonymous: 'reject', predicates: [isOwner] };
  }
}

function isSameClient(opener: DpopVerdict, { jkt, token, issuer, subject }: DpopVerdict): boolean {
  // An unbound token, sent as Bearer, has no key that could tell its clients apart.
  if (jkt === undefined) return opener.jkt === undefined && opener.token === token;
  return opener.jkt === jkt && opener.issuer === issuer && opener.subject === subject;
}

function writeNonce(response: EngineResponse, nonce: string): void {
  // The head of a 101 is written as it is, and the nonce may be one of the app.
  validateHeaderValue('DPoP-Nonce', nonce);
  for (const header of dpopResponseHeaders({ nonce }))
    response.setHeader(
      header.name,
      mergeField(header, () => response.getHeader(header.name)),
    );
}

/** ws chooses the first sub-protocol, and the response would show a ticket. */
function hideTicket({ headers }: EngineRequest): void {
  const offered = headers['sec-websocket-protocol']?.split(',').map((protocol) => protocol.trim());
  if (offered?.some(isTicket) !== true) return;
  const others = offered.filter((protocol) => !isTicket(protocol));
  if (others.length > 0) headers['sec-websocket-protocol'] = others.join(', ');
  else delete headers['sec-websocket-protocol'];
}

function isTicket(protocol: string): boolean {
  return /^ticket\./i.test(protocol);
}

function ignore(): void {
  // ws and engine.io watch the socket from the upgrade on.
}
