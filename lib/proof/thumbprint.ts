import { hash } from 'node:crypto';
import type { JwsAlgorithm } from '../jws/algorithms.js';
import type { JsonObject } from '../jws/json-object.js';

/** In lexicographic order (RFC 7638 §3.2, RFC 8037 §2). The keys of ML-DSA are keys for one algorithm. */
const REQUIRED_MEMBERS: Readonly<Record<JwsAlgorithm['kty'], readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  RSA: ['e', 'kty', 'n'],
  OKP: ['crv', 'kty', 'x'],
  AKP: ['alg', 'kty', 'pub'],
};

/**
 * The JWK thumbprint (RFC 7638, SHA-256): the required members and no others. They have been vetted as base64url
 * strings, so that JSON needs no escapes. `crypto` does in 2 µs what takes a WebCrypto digest 50.
 */
export function calculateThumbprint(jwk: JsonObject, { kty }: JwsAlgorithm): string {
  let json = '';
  for (const member of REQUIRED_MEMBERS[kty]) {
    json += `${json === '' ? '{' : ','}"${member}":"${String(jwk[member])}"`;
  }
  return hash('sha256', `${json}}`, 'base64url');
}
