import type { Scheme } from '../errors/challenge.js';
import { DpopError } from '../errors/dpop.error.js';

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

const SCHEME_AND_REST = /^([!#$%&'*+.^_`|~\dA-Za-z-]+)(?: +(.*))?$/s;
const TOKEN68 = /^[\dA-Za-z\-._~+/]+=*$/;

/**
 * The scheme that the request tried, for its challenge, even when the rest of it is unusable. `undefined` when there
 * is none that a protected resource knows.
 */
export function attemptedScheme(rawHeaders: readonly string[]): Scheme | undefined {
  const [authorization = ''] = fieldValues(rawHeaders, 'authorization');
  return toScheme(SCHEME_AND_REST.exec(authorization)?.[1]);
}

/**
 * Reads the credentials: one `Authorization` and at most one `DPoP` field, counted in the raw headers, because Node
 * drops a second `Authorization` and joins a second `DPoP`. Sizes are checked before anything is decoded.
 *
 * @throws DpopError for no credentials, repeated or malformed ones, and ones over the limits
 * @see RFC 9449 §7.1 and check 1 of §4.3
 */
export function parseCredentials(rawHeaders: readonly string[], limits: CredentialLimits): Credentials {
  const authorizations = fieldValues(rawHeaders, 'authorization');
  if (authorizations.length > 1) throw new DpopError('authorization_repeated');
  const [, name, token] = SCHEME_AND_REST.exec(authorizations[0] ?? '') ?? [];
  const scheme = toScheme(name);
  if (scheme === undefined) throw new DpopError('credentials_missing');

  const proofs = fieldValues(rawHeaders, 'dpop');
  if (proofs.length > 1) throw new DpopError('proof_repeated');
  const proof = proofs[0] === '' ? undefined : proofs[0];

  if (token === undefined) throw new DpopError('authorization_malformed');
  if (token.length > limits.tokenBytes) throw new DpopError('token_too_large');
  if (proof !== undefined && proof.length > limits.proofBytes) throw new DpopError('proof_too_large');
  if (!TOKEN68.test(token)) throw new DpopError('authorization_malformed');
  return { scheme, token, proof };
}

/** The values of all fields of one name, which is given in lower case. */
export function fieldValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const field = rawHeaders[i];
    // The length first: it spares most fields the conversion of case.
    if (field?.length === name.length && field.toLowerCase() === name) values.push(rawHeaders[i + 1] ?? '');
  }
  return values;
}

function toScheme(name: string | undefined): Scheme | undefined {
  const lower = name?.toLowerCase();
  if (lower === 'dpop') return 'DPoP';
  return lower === 'bearer' ? 'Bearer' : undefined;
}
