import type { DpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from './dpop-request.js';

/** The authentication schemes of a protected resource. */
export type Scheme = 'DPoP' | 'Bearer';

/** The parameters that every challenge of a service has. */
export interface ChallengeParameters {
  /** The accepted proof algorithms, separated by spaces (§7.1). */
  readonly algs: string;
  readonly realm?: string | undefined;
  /** URL of the protected resource metadata (RFC 9728 §5.1). A function if it differs from request to request. */
  readonly resourceMetadata?: string | ((request: DpopRequest | undefined) => string | undefined) | undefined;
}

/** Whether the answer has a challenge. One for missing rights would ask for other credentials, which would not help. */
export function isChallenged({ code }: DpopError): boolean {
  return code !== 'insufficient_rights';
}

/** A character that a quoted string cannot contain without an escape. */
const NOT_QUOTABLE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

type Parameter = readonly [name: string, value: string | undefined];

/**
 * The value of `WWW-Authenticate` for a refusal: one challenge for each scheme that the service accepts. Only the
 * challenge of the scheme in the request has the error; all of them have it when the request mixed methods (Fig. 19). A
 * demand for a nonce is a DPoP challenge alone, because clients read no other.
 *
 * @param request the refused one, if it was read
 * @see RFC 9449 §7.1 and §7.2, Fig. 15 to 19 and 24
 */
export function formatChallenges(
  error: DpopError,
  used: Scheme | undefined,
  bearerOffered: boolean,
  parameters: ChallengeParameters,
  request?: DpopRequest,
): string {
  const { realm, algs, resourceMetadata } = parameters;
  const metadataUrl = typeof resourceMetadata === 'function' ? resourceMetadata(request) : resourceMetadata;
  const isInEveryChallenge = error.code === 'invalid_request';
  const dpop = formatChallenge('DPoP', [
    ['realm', realm],
    ...(isInEveryChallenge || used !== 'Bearer' || !bearerOffered ? errorParameters(error) : []),
    ['algs', algs],
    ['resource_metadata', metadataUrl],
  ]);
  if (!bearerOffered || error.code === 'use_dpop_nonce') return dpop;
  const bearer = formatChallenge('Bearer', [
    ['realm', realm],
    ...(isInEveryChallenge || used === 'Bearer' ? errorParameters(error) : []),
    ['resource_metadata', metadataUrl],
  ]);
  return `${bearer}, ${dpop}`;
}

function errorParameters(error: DpopError): Parameter[] {
  const { scopes, acrValues, maxAgeSeconds } = error.details;
  if (error.code === 'credentials_missing') return [['scope', scopes?.join(' ')]];
  return [
    ['error', error.code],
    ['error_description', error.message],
    ['scope', scopes?.join(' ')],
    ['acr_values', acrValues?.join(' ')],
    ['max_age', maxAgeSeconds?.toString()],
  ];
}

function formatChallenge(scheme: Scheme, parameters: readonly Parameter[]): string {
  let challenge: string = scheme;
  for (const [name, value] of parameters) {
    if (value === undefined) continue;
    challenge += `${challenge === scheme ? ' ' : ', '}${name}=${formatQuotedString(value)}`;
  }
  return challenge;
}

/** RFC 9110 §5.6.4. Drops characters that no header can carry, although the options are asserted at start. */
function formatQuotedString(value: string): string {
  if (!NOT_QUOTABLE.test(value)) return `"${value}"`;
  return `"${value.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
