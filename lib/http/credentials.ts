import { DpopError } from '../errors/dpop.error.js';
import type { Scheme } from './challenge.js';

/** The credentials of a request. The scheme `DPoP` always has a proof. */
export type Credentials =
  | { readonly scheme: 'DPoP'; readonly token: string; readonly proof: string }
  | { readonly scheme: 'Bearer'; readonly token: string };

export interface CredentialLimits {
  readonly tokenBytes: number;
  readonly proofBytes: number;
}

/** The two header fields with credentials: the number of fields, and the last value. */
export interface CredentialFields {
  readonly authorization: string;
  readonly authorizationCount: number;
  readonly dpop: string;
  readonly dpopCount: number;
}

const SCHEME_AND_BLANKS = /^(DPoP|Bearer)(?: +|$)/i;
/** One character that is not allowed, for `search`. */
const NOT_TOKEN68 = /[^\w\-.~+/]/;

/**
 * Reads the raw headers, because Node drops a second `Authorization` and joins a second `DPoP`. Comparing lengths first
 * avoids the conversion of case for nearly all fields.
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
 * The scheme of the request, for its challenge, even when the credentials are malformed. `undefined` without a known
 * scheme.
 */
export function attemptedScheme({ authorization }: CredentialFields): Scheme | undefined {
  return toScheme(SCHEME_AND_BLANKS.exec(authorization)?.[1]);
}

/**
 * Parses the credentials: one `Authorization` field and at most one `DPoP` field. It checks sizes before it decodes
 * anything.
 *
 * @throws DpopError when credentials are missing, repeated, malformed or too large
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

/**
 * The proof of a request without an access token. An empty field is a proof that is malformed: the client meant to send one.
 *
 * @throws DpopError for more than one field, or one that is too large
 * @see check 1 of RFC 9449 §4.3
 */
export function parseProofField(
  { dpop, dpopCount }: Pick<CredentialFields, 'dpop' | 'dpopCount'>,
  proofBytes: number,
): string | undefined {
  if (dpopCount > 1) throw new DpopError('proof_repeated');
  if (dpop.length > proofBytes) throw tooLarge('proof_too_large', proofBytes);
  return dpopCount === 0 ? undefined : dpop;
}

function tooLarge(reason: 'token_too_large' | 'proof_too_large', limit: number): DpopError {
  return new DpopError(reason, { expected: [`at most ${limit} bytes`] });
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
