import { isObject } from './is-object.js';

/** As far as it is used here of a `TLSSocket`, also behind an HTTP/2 request. */
interface PeerSocket {
  getPeerCertificate(): unknown;
}

/**
 * The certificate of the client on a TLS connection, in DER. `undefined` without TLS, without a certificate, and once the
 * connection is closed.
 */
export function peerCertificateOf(socket: unknown): Uint8Array | undefined {
  if (!isPeerSocket(socket)) return undefined;
  const certificate = socket.getPeerCertificate();
  const raw = isObject(certificate) ? certificate['raw'] : undefined;
  return raw instanceof Uint8Array && raw.length > 0 ? raw : undefined;
}

function isPeerSocket(socket: unknown): socket is PeerSocket {
  return isObject(socket) && typeof socket['getPeerCertificate'] === 'function';
}
