import type { RefusalDetail } from '../errors/catalogue.js';
import { DpopError } from '../errors/dpop.error.js';
import { parseJsonSegment } from '../jws/json-segment.js';

/** The claims of a proof (§4.2). Only their types are checked. */
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
 * Check 3 of §4.3, and check 2 for the payload.
 *
 * @throws DpopError `proof_malformed` or `proof_claims`
 */
export function parseProofClaims(segment: string): ProofClaims {
  const claims = parseJsonSegment(segment);
  if (claims === undefined) throw new DpopError('proof_malformed', { detail: 'payload' });
  const { jti, htm, htu, iat, ath, nonce, exp, nbf } = claims;
  assertClaim(isFilledString(jti) && jti.length <= MAX_JTI_LENGTH, 'jti');
  assertClaim(isFilledString(htm), 'htm');
  assertClaim(isFilledString(htu), 'htu');
  assertClaim(isTime(iat), 'iat');
  assertClaim(ath === undefined || isFilledString(ath), 'ath');
  assertClaim(nonce === undefined || typeof nonce === 'string', 'nonce');
  assertClaim(exp === undefined || isTime(exp), 'exp');
  assertClaim(nbf === undefined || isTime(nbf), 'nbf');
  return { jti, htm, htu, iat, ath, nonce, exp, nbf };
}

const TIME = 'seconds since the epoch, a number';
const EXPECTED = {
  jti: `a string of 1 to ${MAX_JTI_LENGTH} characters`,
  htm: 'a string, the method',
  htu: 'a string, the URI',
  iat: TIME,
  ath: 'a string, base64url(SHA-256(access token))',
  nonce: 'a string, or none',
  exp: `${TIME}, or none`,
  nbf: `${TIME}, or none`,
} as const satisfies Partial<Record<RefusalDetail, string>>;

function assertClaim(isValid: boolean, claim: keyof typeof EXPECTED): asserts isValid {
  if (!isValid) throw refusedClaim(claim);
}

/** The refusal of a proof with a missing claim or a claim of the wrong type. */
export function refusedClaim(claim: keyof typeof EXPECTED): DpopError {
  return new DpopError('proof_claims', { detail: claim, expected: [EXPECTED[claim]] });
}

const isFilledString = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** JSON allows `1e400`, which is parsed as Infinity. */
const isTime = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;
