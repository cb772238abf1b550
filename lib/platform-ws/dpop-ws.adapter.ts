import { type IncomingMessage, validateHeaderValue } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { endWithToken } from '../handshake/end-with-token.js';
import type { Gateway } from '../handshake/gateway-policies.js';
import type { HandshakeRefusal } from '../handshake/handshake-outcome.js';
import { type SocketServices, socketServicesOf } from '../handshake/socket-services.js';
import { markVerifying } from '../handshake/verifying-adapter.js';
import { isReportOnly } from '../verification/policy.js';
import { verdictOn } from '../verification/request-record.js';
import { bindSocket } from './opened-socket.js';
import { chooseProtocol, refuseTicketAlone } from './sub-protocols.js';
import { verifyBefore } from './verify-client.js';
import type { ClientInfo, WsServer } from './ws-types.js';

/**
 * `WsAdapter` of Nest with DPoP: a socket opens only with a bound access token and a proof for its handshake, which must
 * meet the policies of the gateways behind it. Guards on message handlers find the verdict of the handshake. The socket is
 * closed with 4401 when the token expires or is revoked.
 *
 * @example
 * ```ts
 * app.useWebSocketAdapter(new DpopWsAdapter(app));
 * ```
 * @see RFC 6455 §4.2.2, RFC 9449 §7.1
 */
export class DpopWsAdapter extends WsAdapter {
  readonly #services: SocketServices;

  /**
   * @param options those of `WsAdapter`
   * @throws TypeError for an app without `DpopModule`, or with several registrations
   */
  constructor(app: INestApplicationContext, options?: ConstructorParameters<typeof WsAdapter>[1]) {
    super(app, options);
    this.#services = socketServicesOf(app, DpopWsAdapter.name);
    markVerifying(this);
  }

  override create(port: number, options: Parameters<WsAdapter['create']>[1] = {}): unknown {
    if (options.server !== undefined)
      throw new TypeError(
        'DpopWsAdapter verifies the handshakes of servers that it creates itself: leave out the option server',
      );
    const { handshakes, gateways, sessions } = this.#services;
    const { policy, name } = gateways.unite(gateways.gateways.filter(isBehind(port, options.path)));
    const verify = async ({ req }: ClientInfo): Promise<HandshakeRefusal | undefined> => {
      if (policy === undefined) return undefined;
      const alone = policy.ticket === 'allow' ? refuseTicketAlone(req) : undefined;
      return alone ?? (await handshakes.verify(req, policy, name)).refusal;
    };
    const server = super.create(port, {
      ...options,
      verifyClient: verifyBefore(verify, options['verifyClient'], ({ req }, error) =>
        handshakes.fail(req, error, name),
      ),
      handleProtocols: chooseProtocol(options['handleProtocols']),
    }) as WsServer;
    server.on('headers', supplyNonce);
    // Before the gateways, which Nest binds to the same event.
    server.on('connection', bindSocket);
    // Report mode ends no socket.
    if (policy !== undefined && !isReportOnly(policy)) {
      server.on('connection', (socket, request) => {
        const verdict = verdictOn(request);
        if (verdict !== undefined) endWithToken(socket, verdict, sessions);
      });
    }
    return server;
  }
}

/** The gateways of one port and path share their sockets. Nest compares paths in this form. */
function isBehind(port: number, path: unknown): (gateway: Gateway) => boolean {
  return (gateway) => gateway.port === port && normalize(gateway.options['path']) === normalize(path);
}

function normalize(path: unknown): string {
  const segments = typeof path === 'string' ? path : '';
  return `/${segments}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
}

/** The nonce for the next proof comes with the 101 (RFC 9449 §8.2). */
function supplyNonce(headers: string[], request: IncomingMessage): void {
  const nonce = verdictOn(request)?.nextNonce;
  if (nonce === undefined) return;
  // ws writes the head as it is.
  validateHeaderValue('DPoP-Nonce', nonce);
  headers.push(`DPoP-Nonce: ${nonce}`);
}
