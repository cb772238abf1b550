import { Logger } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import type { DpopHandshakes } from '../handshake/dpop-handshakes.js';
import type { Gateway, GatewayPolicies } from '../handshake/gateway-policies.js';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import { keepHandshake, type RefusalBody } from '../transport/handshake.js';
import { isReportOnly } from '../verification/policy.js';
import type { IoSocket, Next } from './io-types.js';
import type { ServerRules } from './server-rules.js';

/** What the client reads in the `data` of a `connect_error`. */
interface ConnectErrorData {
  readonly code: string;
  readonly statusCode: number;
  /** The value of `WWW-Authenticate`, if the refusal has one. */
  readonly challenge?: string;
  /** The value of `DPoP-Nonce`, if the refusal has one. */
  readonly nonce?: string;
}

/**
 * Checks what the gateways of a namespace require when a client connects to it. Many namespaces share one connection, whose
 * request has been verified; this asks about the same request with the policy of the namespace.
 */
export class NamespaceAdmission {
  readonly #logger = new Logger('DpopIoAdapter');
  readonly #gateways: readonly Gateway[];
  readonly #policies: GatewayPolicies;
  readonly #handshakes: DpopHandshakes;
  readonly #reporting = new WeakSet<IoSocket>();
  readonly #isLenient: boolean;
  #hasWarned = false;

  /**
   * @param gateways all that share the server
   * @throws TypeError for requirements of several gateways that have no sum
   */
  constructor(
    gateways: readonly Gateway[],
    policies: GatewayPolicies,
    handshakes: DpopHandshakes,
    { refuses, reports }: ServerRules,
  ) {
    this.#gateways = gateways;
    this.#policies = policies;
    this.#handshakes = handshakes;
    this.#isLenient = reports && !refuses;
    // At start rather than at the first connection.
    for (const { options } of gateways) {
      const { namespace } = options;
      if (!(namespace instanceof RegExp)) policies.unite(this.#gatewaysOf(normalize(namespace)));
    }
  }

  /** The middleware. It never rejects: socket.io would not notice, and the process would end. */
  readonly admit = (socket: IoSocket, next: Next): void => {
    void this.#decide(socket, next);
  };

  /** Whether a socket that was let in is in a namespace that only reports. */
  isReporting(socket: IoSocket): boolean {
    return this.#reporting.has(socket);
  }

  async #decide(socket: IoSocket, next: Next): Promise<void> {
    next(await this.#findRefusal(socket));
  }

  async #findRefusal(socket: IoSocket): Promise<(Error & { data: ConnectErrorData }) | undefined> {
    try {
      keepHandshake(socket, socket.request, toWsException);
      const gateways = this.#gatewaysOf(socket.nsp.name);
      if (gateways.length === 0) return this.#isLenient ? undefined : this.#refuseUnknown();
      const { policy, name } = this.#policies.unite(gateways);
      if (policy === undefined) return undefined;
      if (isReportOnly(policy)) this.#reporting.add(socket);
      const { refusal } = await this.#handshakes.verify(socket.request, policy, name);
      return refusal && toConnectError(refusal);
    } catch {
      return connectError('The request cannot be verified at the moment', {
        code: 'temporarily_unavailable',
        statusCode: 503,
      });
    }
  }

  #gatewaysOf(name: string): readonly Gateway[] {
    return this.#gateways.filter(({ options: { namespace } }) =>
      // A copy, because an expression with the flag g remembers where it stopped.
      namespace instanceof RegExp ? new RegExp(namespace).test(name) : normalize(namespace) === name,
    );
  }

  /** No decorator tells what a namespace without a gateway requires, so that it is closed. */
  #refuseUnknown(): Error & { data: ConnectErrorData } {
    if (!this.#hasWarned)
      this.#logger.warn(
        'A client was refused a namespace without a gateway. If clients are to use it, put a gateway on it: @WebSocketGateway({ namespace: … }) takes a name or a regular expression',
      );
    this.#hasWarned = true;
    return connectError('Invalid namespace', { code: 'invalid_request', statusCode: 400 });
  }
}

/** As Nest and socket.io do. */
function normalize(namespace: unknown): string {
  const name = typeof namespace === 'string' ? namespace : '';
  return name.startsWith('/') ? name : `/${name}`;
}

function toConnectError({ body, status, headers }: HandshakeRefusal): Error & { data: ConnectErrorData } {
  const { code, message } = JSON.parse(body) as RefusalBody;
  const { 'WWW-Authenticate': challenge, 'DPoP-Nonce': nonce } = headers;
  return connectError(message, {
    code,
    statusCode: status,
    ...(challenge !== undefined && { challenge }),
    ...(nonce !== undefined && { nonce }),
  });
}

function connectError(message: string, data: ConnectErrorData): Error & { data: ConnectErrorData } {
  return Object.assign(new Error(message), { data });
}

/** Nest sends it as the event `exception`, unchanged. */
function toWsException({ code, message }: RefusalBody): Error {
  return new WsException({ status: 'error', code, message });
}
