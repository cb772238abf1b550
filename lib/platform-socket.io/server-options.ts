import { assertBoolean, assertKnownNames, assertObject, fail } from '../errors/option-asserts.js';
import type { IoServerOptions } from './io-types.js';

/** How `DpopIoAdapter` serves the app. */
export interface DpopIoAdapterOptions {
  /**
   * Whether clients may use HTTP long-polling, default `false`. With `true`, each poll, each POST and the upgrade to
   * WebSocket need a proof of their own, by the key and for the subject that opened the session.
   */
  readonly polling?: boolean;
}

/**
 * @returns whether polling is on
 * @throws TypeError naming the option and the accepted form
 */
export function parseAdapterOptions(options: DpopIoAdapterOptions): boolean {
  assertObject(options, 'DpopIoAdapter', 'given an object of options as its second argument');
  assertKnownNames(options, 'DpopIoAdapter', ['polling']);
  const { polling = false } = options;
  assertBoolean(polling, 'DpopIoAdapter polling');
  return polling;
}

/** The options for a server of socket.io that refuses nothing. */
export function openOptions(options: IoServerOptions | undefined): IoServerOptions | undefined {
  const recovery = options?.connectionStateRecovery;
  if (recovery === undefined) return options;
  // The middleware of a namespace gives guards the request of a socket that is restored, too.
  return { ...options, connectionStateRecovery: { ...recovery, skipMiddlewares: false } } as IoServerOptions;
}

/**
 * The options for a server of socket.io of which some requests are verified.
 *
 * @throws TypeError for an option with which a connection would go on without a verdict
 */
export function protectedOptions(options: IoServerOptions | undefined, polling: boolean): IoServerOptions {
  const { transports = polling ? ['polling', 'websocket'] : ['websocket'] } = options ?? {};
  if (!polling && transports.includes('polling'))
    fail('transports of a gateway', "['websocket'], or DpopIoAdapter given { polling: true }", {
      value: transports,
    });
  // Its sessions have no HTTP request, which could carry a proof.
  if (transports.includes('webtransport'))
    fail('transports of a gateway', "without 'webtransport', whose sessions carry no proof", {
      value: transports,
    });
  if (options?.connectionStateRecovery !== undefined)
    fail(
      'connectionStateRecovery of a gateway',
      'left out: socket.io restores a session for every client that knows its id, and sends what it missed before any check',
    );
  // Nest passes what a gateway sets, and socket.io fills in the rest.
  return { ...options, transports } as IoServerOptions;
}
