import { hash, timingSafeEqual } from 'node:crypto';
import type { DpopRequest } from '../http/dpop-request.js';
import { type Confirmation, otherMethodsOf } from './second-confirmation.js';

/**
 * Whether the client certificate is the one that the token is bound to: `x5t#S256` must be the base64url of its SHA-256.
 * For the option `confirmation`. `false` without a certificate, and for a token that is bound to anything else as well.
 *
 * The certificate is that of the TLS connection to this process, whose handshake proves that the client has its key. The
 * server must ask for it: `requestCert: true`. Behind a proxy that ends TLS, pass the certificate that the proxy vouches
 * for: `confirmClientCertificate(cnf, { clientCertificate: () => der })`.
 *
 * @example
 * ```ts
 * DpopModule.forRoot({
 *   origin: 'https://api.example.com',
 *   accessToken: { issuer: 'https://auth.example.com', audience: 'https://api.example.com' },
 *   confirmation: confirmClientCertificate,
 * });
 * ```
 * @see RFC 8705 §3
 */
export function confirmClientCertificate(
  cnf: Confirmation,
  request: Pick<DpopRequest, 'clientCertificate'>,
): boolean {
  const thumbprint = cnf['x5t#S256'];
  if (typeof thumbprint !== 'string' || otherMethodsOf(cnf).length > 1) return false;
  const certificate = request.clientCertificate?.();
  if (certificate === undefined) return false;
  const expected = Buffer.from(thumbprint);
  const actual = Buffer.from(hash('sha256', certificate, 'base64url'));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
