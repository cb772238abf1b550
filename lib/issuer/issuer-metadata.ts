import { isJsonObject } from '../jws/json-object.js';
import { fetchJson, IssuerDocumentError } from './fetch-json.js';

/**
 * Finds the key set of an issuer through its metadata: first RFC 8414, then OpenID Connect Discovery.
 *
 * @returns the `jwks_uri`
 * @throws IssuerDocumentError when neither document exists and names this issuer and its keys; the reason of the signal
 *   when that ended the search
 */
export async function discoverJwksUri(issuer: string, signal: AbortSignal): Promise<string> {
  const refusals: string[] = [];
  for (const location of metadataLocations(issuer)) {
    try {
      return jwksUriOf(await fetchJson(location, signal), issuer);
    } catch (error) {
      // Some servers answer every path with a page. The next location may still have the document.
      if (signal.aborted || !(error instanceof IssuerDocumentError)) throw error;
      refusals.push(`${location.pathname}: ${error.message}`);
    }
  }
  throw new IssuerDocumentError(
    `no usable metadata of the issuer ${issuer} (${refusals.join('; ')}); correct the issuer, or set jwksUri`,
  );
}

function jwksUriOf(metadata: unknown, issuer: string): string {
  if (!isJsonObject(metadata)) throw new IssuerDocumentError('not a JSON object');
  // RFC 8414 §3.3: metadata of another issuer must not be used.
  if (metadata['issuer'] !== issuer) {
    throw new IssuerDocumentError(`its issuer is not the configured one but ${quote(metadata['issuer'])}`);
  }
  const uri = metadata['jwks_uri'];
  if (typeof uri !== 'string') throw new IssuerDocumentError('it has no jwks_uri');
  return uri;
}

const MAX_QUOTED_LENGTH = 200;

/** A value of the metadata for the log: printable ASCII, cut to length. */
function quote(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? 'missing' : `of type ${typeof value}`;
  const cut = value.length > MAX_QUOTED_LENGTH ? `${value.slice(0, MAX_QUOTED_LENGTH)}…` : value;
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function metadataLocations(issuer: string): readonly URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    new URL(`${origin}/.well-known/oauth-authorization-server${path}`),
    new URL(`${origin}${path}/.well-known/openid-configuration`),
  ];
}
