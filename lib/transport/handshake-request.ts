import type { IncomingMessage } from 'node:http';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { isObject } from '../http/is-object.js';
import { toDpopRequest } from './http-dpop-request.js';

/**
 * The request that opens a socket, in the form that the checks use. No framework has seen it: for `origin: 'request'`,
 * protocol and host are those of the connection, and no proxy is trusted.
 *
 * @throws DpopUnavailableError for an object that is not a request of Node
 */
export function toHandshakeRequest(request: IncomingMessage): DpopRequest {
  const plain = toDpopRequest(request);
  if (plain === undefined)
    throw new DpopUnavailableError('transport_unknown', {
      advice: 'a handshake is verified from the request that the HTTP server of Node received',
    });
  const { method, routedMethod, target, rawHeaders } = plain;
  return {
    method,
    routedMethod,
    target,
    rawHeaders,
    protocol: isEncrypted(request.socket) ? 'https' : 'http',
    host: request.headers.host,
    clientCertificate: () => plain.clientCertificate?.(),
  };
}

function isEncrypted(socket: unknown): boolean {
  return isObject(socket) && socket['encrypted'] === true;
}
