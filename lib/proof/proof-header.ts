import { DpopError } from '../errors/dpop.error.js';
import { JWS_ALGORITHMS, type JwsAlgorithm } from '../jws/algorithms.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import { assertPublicKey } from './proof-public-key.js';
import { calculateThumbprint } from './thumbprint.js';

/** A protected header that passed all checks without cryptography, and the thumbprint of its key. */
export interface ProofHeader {
  readonly alg: string;
  readonly algorithm: JwsAlgorithm;
  readonly jwk: JsonObject;
  readonly jkt: string;
}

const PROOF_TYPE = 'dpop+jwt';

/**
 * Checks 4, 5 and 7 of §4.3, and check 2 for the header. It does not import the key, so that an attacker with a bad
 * header, or with a key that the token is not bound to, costs the service little CPU.
 *
 * @throws DpopError `proof_malformed`, `proof_typ`, `proof_alg`, `proof_crit`, or one of `proof_jwk…`
 */
export function parseProofHeader(segment: string, algorithms: ReadonlySet<string>): ProofHeader {
  const header = parseJsonSegment(segment);
  if (header === undefined) throw new DpopError('proof_malformed', { detail: 'header' });
  if (header['typ'] !== PROOF_TYPE)
    throw new DpopError('proof_typ', { detail: 'typ', expected: [PROOF_TYPE] });

  const { alg, jwk } = header;
  const algorithm = typeof alg === 'string' && algorithms.has(alg) ? JWS_ALGORITHMS.get(alg) : undefined;
  if (typeof alg !== 'string' || algorithm === undefined)
    throw new DpopError('proof_alg', { detail: 'alg', expected: [...algorithms] });

  // The library supports no JWS extension, so none may be critical (RFC 7515 §4.1.11). An unencoded payload is one.
  if (header['crit'] !== undefined || header['b64'] === false)
    throw new DpopError('proof_crit', { detail: 'crit' });

  assertPublicKey(jwk, algorithm);
  return { alg, algorithm, jwk, jkt: calculateThumbprint(jwk, algorithm) };
}
