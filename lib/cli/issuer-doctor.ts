import { IssuerKeySet } from '../issuer/issuer-key-set.js';
import { discoverMetadata } from '../issuer/issuer-metadata.js';
import { isJsonObject } from '../jws/json-object.js';
import { fetchJson } from '../outbound/fetch-json.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { UnreachableError } from './outcome.js';
import { type Diagnosis, diagnoseClock, good, list, note, problem } from './diagnosis.js';
import { fetchFromIssuer, send } from './outgoing.js';

/**
 * Looks at an issuer as a service and a client see it.
 *
 * @param algorithms of proofs that the service accepts; empty if it does not say
 */
export async function examineIssuer(
  issuer: string,
  algorithms: readonly string[],
): Promise<readonly Diagnosis[]> {
  try {
    const metadata = await fetchFromIssuer((signal) => discoverMetadata(issuer, 'jwks_uri', signal));
    const keys = await fetchFromIssuer((signal) => fetchJson(new URL(metadata.jwks_uri), signal));
    const { clockAheadSeconds } = await send(new URL(metadata.jwks_uri), { method: 'GET' });
    return [
      good('its metadata names this issuer and its keys'),
      ...diagnoseKeys(issuer, keys),
      ...diagnoseProofSupport(metadata['dpop_signing_alg_values_supported'], algorithms),
      diagnoseClock('the issuer', clockAheadSeconds),
    ];
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    return [
      problem(
        error.message,
        'write the issuer exactly as in iss of its tokens; a slash at the end counts. Until then, the service answers 503',
      ),
    ];
  }
}

function diagnoseKeys(issuer: string, document: unknown): readonly Diagnosis[] {
  const warnings: string[] = [];
  try {
    new IssuerKeySet(issuer, document).warnOfKeysWithoutKid((text) => warnings.push(text));
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return [problem(`its keys: ${error.message}`, 'correct jwks_uri of the issuer')];
  }
  const { keys } = document as { readonly keys: readonly unknown[] };
  const described = keys.filter(isJsonObject).map(({ kty, alg, crv }) => alg ?? crv ?? kty);
  if (keys.length === 0)
    return [
      problem(
        'it publishes no key, so that no token of it can be verified',
        'let the issuer publish its keys',
      ),
    ];
  return [
    good(`it publishes ${keys.length === 1 ? '1 key' : `${keys.length} keys`}: ${list(described)}`),
    ...warnings.map((text) => note(text)),
  ];
}

function diagnoseProofSupport(supported: unknown, algorithms: readonly string[]): readonly Diagnosis[] {
  if (!Array.isArray(supported))
    return [
      note(
        'its metadata does not say that it supports DPoP (dpop_signing_alg_values_supported)',
        'enable DPoP at the issuer; without it, tokens are not bound to a key, and the service refuses them',
      ),
    ];
  const common = algorithms.filter((name) => supported.includes(name));
  if (algorithms.length > 0 && common.length === 0)
    return [
      problem(
        `it accepts proofs by ${list(supported)}, and the service by none of these`,
        'let proof.algorithms of the service share an algorithm with the issuer: a client has one key for both',
      ),
    ];
  return [good(`it accepts proofs by ${list(supported)}`)];
}
