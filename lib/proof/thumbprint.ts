import { hash } from 'node:crypto';
import type { JwsAlgorithm } from '../jws/algorithms.js';
import type { JsonObject } from '../jws/json-object.js';

/** In lexicographic order (RFC 7638 §3.2, RFC 8037 §2). A key of ML-DSA belongs to one algorithm, `alg`. */
const REQUIRED_MEMBERS: Readonly<Record<JwsAlgorithm['kty'], readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  RSA: ['e', 'kty', 'n'],
  OKP: ['crv', 'kty', 'x'],
  AKP: ['alg', 'kty', 'pub'],
};

/**
 * The JWK thumbprint (RFC 7638, SHA-256) of the required members. `parseProofHeader` has checked that they are base64url
 * strings, so that the JSON needs no escapes.
 */
export function calculateThumbprint(jwk: JsonObject, { kty }: JwsAlgorithm): string {
  let json = '';
  for (const member of REQUIRED_MEMBERS[kty]) {
    json += `${json === '' ? '{' : ','}"${member}":"${String(jwk[member])}"`;
  }
  return hash('sha256', `${json}}`, 'base64url');
}
