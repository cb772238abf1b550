import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from './challenge.js';

/** What a request presents. `DPoP` always comes with a proof. */
export type Credentials =
  | { readonly scheme: 'DPoP'; readonly token: string; readonly proof: string }
  | { readonly scheme: 'Bearer'; readonly token: string };

export interface CredentialLimits {
  readonly tokenBytes: number;
  readonly proofBytes: number;
}

/** The two header fields that hold credentials: how often each occurs, and its last value. */
export interface CredentialFields {
  readonly authorization: string;
  readonly authorizationCount: number;
  readonly dpop: string;
  readonly dpopCount: number;
}

const SCHEME_AND_BLANKS = /^(DPoP|Bearer)(?: +|$)/i;
/** One search for a forbidden character is cheaper than a match of all characters. */
const NOT_TOKEN68 = /[^\w\-.~+/]/;

/**
 * Reads the raw headers, because Node drops a second `Authorization` and joins a second `DPoP`. One pass, and lengths are
 * compared first: nearly all fields are skipped without a change of case.
 */
export function readCredentialFields(rawHeaders: readonly string[]): CredentialFields {
  const fields = { authorization: '', authorizationCount: 0, dpop: '', dpopCount: 0 };
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    if (name.length === 13 && name.toLowerCase() === 'authorization') {
      fields.authorizationCount += 1;
      fields.authorization = value;
    } else if (name.length === 4 && name.toLowerCase() === 'dpop') {
      fields.dpopCount += 1;
      fields.dpop = value;
    }
  }
  return fields;
}

/**
 * The scheme that the request tried, for its challenge, even when the rest of it is unusable. `undefined` for a scheme
 * that no protected resource knows.
 */
export function attemptedScheme({ authorization }: CredentialFields): Scheme | undefined {
  return toScheme(SCHEME_AND_BLANKS.exec(authorization)?.[1]);
}

/**
 * The credentials: one `Authorization` and at most one `DPoP` field. Sizes are checked before anything is decoded.
 *
 * @throws DpopError for no credentials, repeated or malformed ones, and ones over the limits
 * @see RFC 9449 §7.1 and check 1 of §4.3
 */
export function parseCredentials(fields: CredentialFields, limits: CredentialLimits): Credentials {
  if (fields.authorizationCount > 1) throw new DpopError('authorization_repeated');
  const [prefix = '', name] = SCHEME_AND_BLANKS.exec(fields.authorization) ?? [];
  const scheme = toScheme(name);
  if (scheme === undefined) throw new DpopError('credentials_missing');

  if (fields.dpopCount > 1) throw new DpopError('proof_repeated');
  const token = fields.authorization.slice(prefix.length);
  if (token.length > limits.tokenBytes) throw tooLarge('token_too_large', limits.tokenBytes);
  if (fields.dpop.length > limits.proofBytes) throw tooLarge('proof_too_large', limits.proofBytes);
  if (!isToken68(token)) throw new DpopError('authorization_malformed');
  if (scheme === 'Bearer') return { scheme, token };
  if (fields.dpop === '') throw new DpopError('proof_missing');
  return { scheme, token, proof: fields.dpop };
}

function tooLarge(reason: 'token_too_large' | 'proof_too_large', limit: number): DpopError {
  return new DpopError(reason, { expected: [`at most ${limit} octets`] });
}

/** RFC 9110 §11.2. */
function isToken68(token: string): boolean {
  const end = token.search(NOT_TOKEN68);
  if (end === -1) return token !== '';
  return end > 0 && /^=+$/.test(token.slice(end));
}

function toScheme(name: string | undefined): Scheme | undefined {
  const lower = name?.toLowerCase();
  if (lower === 'dpop') return 'DPoP';
  return lower === 'bearer' ? 'Bearer' : undefined;
}
