import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from './challenge.js';

/** What a request presents: the scheme, the token, and the proof if there is one. */
export interface Credentials {
  readonly scheme: Scheme;
  readonly token: string;
  readonly proof: string | undefined;
}

export interface CredentialLimits {
  readonly tokenBytes: number;
  readonly proofBytes: number;
}

const SCHEME_AND_BLANKS = /^(DPoP|Bearer)(?: +|$)/i;
/** Looking for what is not allowed takes half the time of matching all that is. */
const NOT_TOKEN68 = /[^\w\-.~+/]/;

/**
 * The scheme that the request tried, for its challenge, even when the rest of it is unusable. `undefined` when there
 * is none that a protected resource knows.
 */
export function attemptedScheme(rawHeaders: readonly string[]): Scheme | undefined {
  return toScheme(SCHEME_AND_BLANKS.exec(readFields(rawHeaders).authorization)?.[1]);
}

/**
 * Reads the credentials: one `Authorization` and at most one `DPoP` field, counted in the raw headers, because Node
 * drops a second `Authorization` and joins a second `DPoP`. Sizes are checked before anything is decoded.
 *
 * @throws DpopError for no credentials, repeated or malformed ones, and ones over the limits
 * @see RFC 9449 §7.1 and check 1 of §4.3
 */
export function parseCredentials(rawHeaders: readonly string[], limits: CredentialLimits): Credentials {
  const fields = readFields(rawHeaders);
  if (fields.authorizationCount > 1) throw new DpopError('authorization_repeated');
  const [prefix, name] = SCHEME_AND_BLANKS.exec(fields.authorization) ?? [];
  const scheme = toScheme(name);
  if (prefix === undefined || scheme === undefined) throw new DpopError('credentials_missing');

  if (fields.dpopCount > 1) throw new DpopError('proof_repeated');
  const token = fields.authorization.slice(prefix.length);
  if (token.length > limits.tokenBytes) throw tooLarge('token_too_large', limits.tokenBytes);
  if (fields.dpop.length > limits.proofBytes) throw tooLarge('proof_too_large', limits.proofBytes);
  if (!isToken68(token)) throw new DpopError('authorization_malformed');
  return { scheme, token, proof: fields.dpop || undefined };
}

function tooLarge(reason: 'token_too_large' | 'proof_too_large', limit: number): DpopError {
  return new DpopError(reason, { expected: [`at most ${limit} octets`] });
}

interface CredentialFields {
  authorization: string;
  authorizationCount: number;
  dpop: string;
  dpopCount: number;
}

/** In one pass, and by length first: that spares nearly all fields the conversion of case. */
function readFields(rawHeaders: readonly string[]): CredentialFields {
  const fields: CredentialFields = { authorization: '', authorizationCount: 0, dpop: '', dpopCount: 0 };
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
