import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { fail } from '../errors/option-asserts.js';
import type { Gateway } from '../handshake/gateway-policies.js';
import { socketServicesOf, type SocketServices } from '../handshake/socket-services.js';
import { markVerifying } from '../handshake/verifying-adapter.js';
import { EngineRequests } from './engine-requests.js';
import type { Engine, IoNamespace, IoServer, IoServerOptions } from './io-types.js';
import { NamespaceAdmission } from './namespace-admission.js';
import { OpenConnections } from './open-connections.js';
import {
  type DpopIoAdapterOptions,
  openOptions,
  parseAdapterOptions,
  protectedOptions,
} from './server-options.js';
import { rulesOf } from './server-rules.js';
import { withstandUnparsableTargets } from './unparsable-target.js';

/** Where Nest asked for a server: the port and the path in the decorator of a gateway. */
interface Site {
  readonly port: number;
  readonly path: string;
}

/**
 * The adapter of Nest for socket.io, which verifies the request that opens a connection, before the upgrade. A namespace is
 * entered only with what the classes of its gateways require. Connections end when their access token ends.
 *
 * @example
 * ```ts
 * app.useWebSocketAdapter(new DpopIoAdapter(app));
 * ```
 * @throws TypeError for an app without `DpopModule`, and for unknown options
 */
export class DpopIoAdapter extends IoAdapter {
  readonly #services: SocketServices;
  readonly #polling: boolean;
  #site: Site | undefined;

  constructor(app: INestApplicationContext, options: DpopIoAdapterOptions = {}) {
    super(app);
    this.#polling = parseAdapterOptions(options);
    this.#services = socketServicesOf(app, DpopIoAdapter.name);
    markVerifying(this);
  }

  override create(...args: Parameters<IoAdapter['create']>): ReturnType<IoAdapter['create']> {
    // A subclass may serve another port and path than the gateways say.
    const [port, options] = args;
    this.#site = { port, path: pathOf(options) };
    try {
      return super.create(...args);
    } finally {
      this.#site = undefined;
    }
  }

  override createIOServer(port: number, options?: IoServerOptions): IoServer {
    const { handshakes, sessions, gateways: policies } = this.#services;
    const gateways = this.#gatewaysAt(this.#site ?? { port, path: pathOf(options) });
    const rules = rulesOf(gateways);
    const admission = new NamespaceAdmission(gateways, policies, handshakes, rules);
    const server = super.createIOServer(
      port,
      rules.refuses ? protectedOptions(options, this.#polling) : openOptions(options),
    );
    // socket.io then makes a server that listens nowhere.
    if ((server.httpServer as unknown) === undefined)
      fail('port of a gateway', 'set in an app without an HTTP server, as in @WebSocketGateway(3001)');
    withstandUnparsableTargets(server.httpServer);
    const connections = new OpenConnections(sessions, rules);
    const required = policies.admit(gateways);
    const requests = new EngineRequests(connections, handshakes, required, rules, this.#polling);
    const engine = server.engine as Engine;
    engine.use((request, response, next) => requests.handle(request, response, next));
    engine.on('connection', connections.watch);
    const protect = (namespace: IoNamespace) => {
      namespace.use(admission.admit);
      namespace.on('connection', (socket) => {
        if (!admission.isReporting(socket)) connections.add(socket);
      });
    };
    protect(server.sockets);
    server.on('new_namespace', protect);
    return server;
  }

  #gatewaysAt({ port, path }: Site): readonly Gateway[] {
    return this.#services.gateways.gateways.filter(
      (gateway) => gateway.port === port && pathOf(gateway.options) === path,
    );
  }
}

/** As socket.io normalizes it. */
function pathOf(options: Readonly<Record<string, unknown>> | object | undefined): string {
  const path: unknown = (options as { readonly path?: unknown } | undefined)?.path;
  return typeof path === 'string' && path !== '' ? path.replace(/\/$/, '') : '/socket.io';
}
