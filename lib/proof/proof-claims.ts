import { DpopError } from '../errors/dpop.error.js';
import { parseJsonSegment } from '../jws/json-segment.js';

/** The claims of a proof (§4.2), their types checked and nothing else. */
export interface ProofClaims {
  readonly jti: string;
  readonly htm: string;
  readonly htu: string;
  /** Seconds since the epoch; may be fractional. */
  readonly iat: number;
  readonly ath: string | undefined;
  readonly nonce: string | undefined;
  readonly exp: number | undefined;
  readonly nbf: number | undefined;
}

const MAX_JTI_LENGTH = 256;

/**
 * Check 3 of §4.3, and the payload's part of check 2.
 *
 * @throws DpopError
 */
export function parseProofClaims(segment: string): ProofClaims {
  const claims = parseJsonSegment(segment);
  if (claims === undefined) throw new DpopError('proof_malformed');
  const { jti, htm, htu, iat, ath, nonce, exp, nbf } = claims;
  if (!isFilledString(jti) || jti.length > MAX_JTI_LENGTH) throw new DpopError('proof_claims');
  if (!isFilledString(htm) || !isFilledString(htu) || !isTime(iat)) throw new DpopError('proof_claims');
  if (ath !== undefined && !isFilledString(ath)) throw new DpopError('proof_claims');
  if (nonce !== undefined && typeof nonce !== 'string') throw new DpopError('proof_claims');
  if (exp !== undefined && !isTime(exp)) throw new DpopError('proof_claims');
  if (nbf !== undefined && !isTime(nbf)) throw new DpopError('proof_claims');
  return { jti, htm, htu, iat, ath, nonce, exp, nbf };
}

const isFilledString = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** `1e400` is a legal JSON number and Infinity once parsed. */
const isTime = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;
