import type { DpopError } from '../errors/dpop.error.js';

/** The authentication schemes of a protected resource. */
export type Scheme = 'DPoP' | 'Bearer';

/** What every challenge of a service has in common. */
export interface ChallengeParameters {
  /** Proof algorithms accepted, separated by spaces (§7.1). */
  readonly algs: string;
  readonly realm?: string | undefined;
  /** URL of the protected resource metadata (RFC 9728 §5.1). */
  readonly resourceMetadata?: string | undefined;
}

/** What a quoted string cannot hold as it is. */
const NEEDS_CARE = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

type Parameter = readonly [name: string, value: string | undefined];

/**
 * The value of `WWW-Authenticate` for a refusal: one challenge for each scheme offered, the error in that of the
 * scheme that was used and only there; in each of them when the request mixed methods (Fig. 19). A demand for a nonce
 * is a lone DPoP challenge, since that is all that clients read.
 *
 * @see RFC 9449 §7.1 and §7.2, Fig. 15 to 19 and 24
 */
export function formatChallenges(
  error: DpopError,
  used: Scheme | undefined,
  bearerOffered: boolean,
  parameters: ChallengeParameters,
): string {
  const everywhere = error.code === 'invalid_request';
  const dpop = formatChallenge('DPoP', [
    ['realm', parameters.realm],
    ...(everywhere || used !== 'Bearer' || !bearerOffered ? errorParameters(error) : []),
    ['algs', parameters.algs],
    ['resource_metadata', parameters.resourceMetadata],
  ]);
  if (!bearerOffered || error.code === 'use_dpop_nonce') return dpop;
  const bearer = formatChallenge('Bearer', [
    ['realm', parameters.realm],
    ...(everywhere || used === 'Bearer' ? errorParameters(error) : []),
    ['resource_metadata', parameters.resourceMetadata],
  ]);
  return `${bearer}, ${dpop}`;
}

function errorParameters(error: DpopError): Parameter[] {
  if (error.code === 'credentials_missing') return [];
  const { scopes, acrValues, maxAgeSeconds } = error.details;
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

/** RFC 9110 §5.6.4. Options are asserted at start; what no header can carry is dropped all the same. */
function formatQuotedString(value: string): string {
  if (!NEEDS_CARE.test(value)) return `"${value}"`;
  return `"${value.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, '\\$&')}"`;
}
