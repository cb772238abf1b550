import { isTrustedUrl } from '../http/base-url.js';
import { isJsonObject, type JsonObject } from '../jws/json-object.js';
import { fetchJson } from '../outbound/fetch-json.js';
import { type Fetch, OutboundError } from '../outbound/outbound-request.js';

/** Members of the metadata that the service needs, and the one that the command line needs. */
export type Endpoint = 'jwks_uri' | 'introspection_endpoint' | 'token_endpoint';

/** The option that replaces each endpoint. */
const OPTION_OF = {
  jwks_uri: 'jwksUri',
  introspection_endpoint: 'endpoint',
  token_endpoint: '--token-endpoint',
} as const;

/** Where the metadata of an issuer may be, the best place first. */
export type MetadataLocations = (issuer: string) => readonly URL[];

/**
 * Finds an endpoint of an issuer through its metadata: by default first RFC 8414, then OpenID Connect Discovery.
 *
 * @returns its URL, which may be of any scheme
 * @throws OutboundError when neither document exists and names this issuer and the endpoint; the reason of the signal
 *   when that ended the search
 */
export async function discoverEndpoint(
  issuer: string,
  endpoint: Endpoint,
  signal: AbortSignal,
  fetcher?: Fetch,
  locationsOf?: MetadataLocations,
): Promise<string> {
  return (await discoverMetadata(issuer, endpoint, signal, fetcher, locationsOf))[endpoint];
}

/**
 * Finds the metadata of an issuer like `discoverEndpoint`.
 *
 * @throws OutboundError when neither document exists and names this issuer and the endpoint; the reason of the signal
 *   when that ended the search
 */
export async function discoverMetadata<Name extends Endpoint>(
  issuer: string,
  endpoint: Name,
  signal: AbortSignal,
  fetcher?: Fetch,
  locationsOf: MetadataLocations = metadataLocations,
): Promise<JsonObject & Readonly<Record<Name, string>>> {
  const refusals: string[] = [];
  for (const location of locationsOf(issuer)) {
    try {
      return assertMetadata(await fetchJson(location, signal, fetcher), issuer, endpoint);
    } catch (error) {
      // Some servers answer every path with a page. The next location may still have the document.
      if (signal.aborted || !(error instanceof OutboundError)) throw error;
      refusals.push(`${location.pathname}: ${error.message}`);
    }
  }
  throw new OutboundError(
    `no usable metadata of the issuer ${issuer} (${refusals.join('; ')}); correct the issuer, or set ${OPTION_OF[endpoint]}`,
  );
}

/**
 * Finds an endpoint like `discoverEndpoint`, and asserts that an eavesdropper can neither read nor replace what it
 * answers.
 *
 * @throws OutboundError as `discoverEndpoint`, and for a plain `http:` endpoint of an `https:` issuer
 */
export async function discoverTrustedEndpoint(
  issuer: string,
  endpoint: Endpoint,
  signal: AbortSignal,
  fetcher?: Fetch,
  locationsOf?: MetadataLocations,
): Promise<URL> {
  const location = await discoverEndpoint(issuer, endpoint, signal, fetcher, locationsOf);
  if (isTrustedUrl(location, !isTrustedUrl(issuer, false))) return new URL(location);
  const article = endpoint === 'jwks_uri' ? 'a' : 'an';
  throw new OutboundError(
    `the issuer ${issuer} names ${article} ${endpoint} that is not https; correct its metadata, or set ${OPTION_OF[endpoint]}`,
  );
}

function assertMetadata<Name extends Endpoint>(
  metadata: unknown,
  issuer: string,
  endpoint: Name,
): JsonObject & Readonly<Record<Name, string>> {
  if (!isJsonObject(metadata)) throw new OutboundError('not a JSON object');
  // RFC 8414 §3.3: metadata of another issuer must not be used.
  if (metadata['issuer'] !== issuer) {
    throw new OutboundError(`its issuer is not the configured one but ${quote(metadata['issuer'])}`);
  }
  if (typeof metadata[endpoint] !== 'string') throw new OutboundError(`it has no ${endpoint}`);
  return metadata as JsonObject & Readonly<Record<Name, string>>;
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
