import { isObject } from '../http/is-object.js';
import { PrivateField } from '../http/private-field.js';

/** Makes the exception of a transport, of a refusal by status, code and sentence. */
export type ToException = (refusal: RefusalBody) => Error;

/** What the client of a refused request may read. */
export interface RefusalBody {
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
}

/** The request that opened a socket. */
export interface Handshake {
  readonly request: object;
  readonly response: undefined;
  readonly toException: ToException;
}

/** A socket with its handshake in a private field: neither its client nor a gateway can forge it. */
class OpenedSocket extends PrivateField {
  readonly #handshake: Handshake;

  constructor(socket: object, handshake: Handshake) {
    super(socket);
    this.#handshake = handshake;
  }

  static handshakeOf(socket: object): Handshake | undefined {
    return #handshake in socket ? socket.#handshake : undefined;
  }
}

/** Keeps the request that opened a socket, once. */
export function keepHandshake(socket: object, request: object, toException: ToException): void {
  if (OpenedSocket.handshakeOf(socket) !== undefined) return;
  // The constructor adds the private field to the socket.
  void new OpenedSocket(socket, { request, response: undefined, toException });
}

/** The request that opened a socket; `undefined` for a socket that no adapter of this library opened. */
export function handshakeOf(socket: unknown): Handshake | undefined {
  return isObject(socket) ? OpenedSocket.handshakeOf(socket) : undefined;
}
