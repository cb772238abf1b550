import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from './challenge.js';

/** The scheme, the token, and the proof if the request has one. */
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
/** One character that is not allowed, for `search`. */
const NOT_TOKEN68 = /[^\w\-.~+/]/;

/**
 * The scheme of the request, for its challenge, even when the credentials are malformed. `undefined` without a known
 * scheme.
 */
export function attemptedScheme(rawHeaders: readonly string[]): Scheme | undefined {
  return toScheme(SCHEME_AND_BLANKS.exec(readFields(rawHeaders).authorization)?.[1]);
}

/**
 * Reads the credentials: one `Authorization` field and at most one `DPoP` field. It counts fields in the raw headers,
 * because Node drops a second `Authorization` and joins a second `DPoP`. It checks sizes before it decodes anything.
 *
 * @throws DpopError when credentials are missing, repeated, malformed or too large
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
  return new DpopError(reason, { expected: [`at most ${limit} bytes`] });
}

interface CredentialFields {
  authorization: string;
  authorizationCount: number;
  dpop: string;
  dpopCount: number;
}

/** One pass. Comparing lengths first avoids the conversion of case for nearly all fields. */
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
