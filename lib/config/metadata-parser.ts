import { assertHeaderText, assertKnownNames, assertObject, fail } from '../errors/option-asserts.js';
import { isTrustedUrl } from '../http/base-url.js';
import type { ChallengeParameters } from '../http/challenge.js';
import type { OriginOption, OriginResolver } from '../http/request-origin.js';
import type { MetadataMembers } from '../metadata/metadata-document.js';
import {
  listedResources,
  type ProtectedResources,
  resolvedResources,
  singleResource,
} from '../metadata/protected-resources.js';
import type { DpopModuleOptions, MetadataOptions } from './dpop-options.js';

/** The metadata that the library serves. */
export interface ServedMetadata extends Pick<
  MetadataMembers,
  'authorizationServers' | 'name' | 'documentationUrl' | 'policyUrl' | 'termsUrl'
> {
  readonly resources: ProtectedResources;
  /** `undefined`: those that the routes require. */
  readonly scopes: readonly string[] | undefined;
}

export interface ParsedMetadata {
  /** `undefined` if another server serves the metadata, or none does. */
  readonly served: ServedMetadata | undefined;
  /** What challenges name. */
  readonly challengeUrl: ChallengeParameters['resourceMetadata'];
}

/** What other options say. */
export interface MetadataDefaults {
  readonly origin: OriginOption;
  readonly resolveOrigin: OriginResolver;
  readonly issuers: readonly { readonly issuer: string }[];
}

const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const HTTP_RULE = 'http on loopback only, elsewhere with allowInsecureHttp: true';

export function parseMetadata(
  metadata: DpopModuleOptions['metadata'],
  defaults: MetadataDefaults,
  allowInsecureHttp: boolean,
): ParsedMetadata {
  if (metadata === undefined) return { served: undefined, challengeUrl: undefined };
  assertObject(
    metadata,
    'metadata',
    'an object: {} to serve the metadata, or { url } if another server does',
  );
  // Also for `undefined`: a missing setting of the environment must not change who serves the document.
  if (Object.hasOwn(metadata, 'url')) {
    return { served: undefined, challengeUrl: parseLocation(metadata, allowInsecureHttp) };
  }
  const served = parseServed(metadata, defaults, allowInsecureHttp);
  return { served, challengeUrl: served.resources.challengeUrl };
}

function parseLocation(metadata: Readonly<Record<string, unknown>>, allowInsecureHttp: boolean): string {
  const other = Object.keys(metadata).find((name) => name !== 'url');
  if (other !== undefined) {
    throw new TypeError(
      `metadata has no option ${JSON.stringify(other)} beside url, the place of a document that another server serves; leave one of them out`,
    );
  }
  const accepted = `the https URL of the protected resource metadata (RFC 9728); ${HTTP_RULE}`;
  assertHeaderText(metadata['url'], 'metadata.url', accepted);
  return assertUrl(metadata['url'], 'metadata.url', accepted, allowInsecureHttp);
}

function parseServed(
  options: MetadataOptions,
  { origin, resolveOrigin, issuers }: MetadataDefaults,
  allowInsecureHttp: boolean,
): ServedMetadata {
  assertKnownNames(options, 'metadata', [
    'url',
    'resource',
    'scopes',
    'authorizationServers',
    'name',
    'documentationUrl',
    'policyUrl',
    'termsUrl',
  ]);
  const { resource, scopes, authorizationServers, name } = options;
  if (scopes !== undefined) assertScopes(scopes);
  if (authorizationServers !== undefined) assertIssuers(authorizationServers, allowInsecureHttp);
  if (name !== undefined) assertName(name);
  const page = (member: 'documentationUrl' | 'policyUrl' | 'termsUrl'): string | undefined => {
    const accepted = `the https URL of a page; ${HTTP_RULE}`;
    const value = options[member];
    return value === undefined
      ? undefined
      : assertUrl(value, `metadata.${member}`, accepted, allowInsecureHttp);
  };
  return Object.freeze({
    resources:
      resource === undefined
        ? resourcesOf(origin, resolveOrigin)
        : singleResource(parseResource(resource, origin, allowInsecureHttp)),
    scopes: scopes && Object.freeze([...scopes]),
    authorizationServers: Object.freeze([...(authorizationServers ?? issuers.map(({ issuer }) => issuer))]),
    name,
    documentationUrl: page('documentationUrl'),
    policyUrl: page('policyUrl'),
    termsUrl: page('termsUrl'),
  });
}

/** One resource for each origin. */
function resourcesOf(origin: OriginOption, resolveOrigin: OriginResolver): ProtectedResources {
  if (typeof origin === 'function') return resolvedResources(resolveOrigin, true);
  if (origin === 'request') return resolvedResources(resolveOrigin, false);
  const [single] = origin;
  return single !== undefined && origin.length === 1 ? singleResource(single) : listedResources(origin);
}

/** Clients find the metadata of a resource on the origin of the resource, so that origin must be one of this service. */
function parseResource(value: unknown, origin: OriginOption, allowInsecureHttp: boolean): string {
  const accepted = `an https URL such as "https://api.example.com/accounts", without query or fragment, on one of the origins of the option origin; ${HTTP_RULE}`;
  const resource = assertUrl(value, 'metadata.resource', accepted, allowInsecureHttp);
  if (/[?#]/.test(resource)) fail('metadata.resource', accepted, { value });
  const isOfService =
    typeof origin !== 'object' ||
    origin.some((baseUrl) => new URL(baseUrl).origin === new URL(resource).origin);
  if (!isOfService) fail('metadata.resource', accepted, { value });
  return resource;
}

function assertUrl(value: unknown, option: string, accepted: string, allowInsecureHttp: boolean): string {
  if (typeof value === 'string' && isTrustedUrl(value, allowInsecureHttp)) return value;
  return fail(option, accepted, { value });
}

function assertScopes(value: unknown): void {
  const isList =
    Array.isArray(value) && value.every((scope) => typeof scope === 'string' && SCOPE_TOKEN.test(scope));
  if (isList) return;
  fail('metadata.scopes', 'an array of scopes, such as ["accounts:read"]; an empty one names none', {
    value,
  });
}

function assertIssuers(value: unknown, allowInsecureHttp: boolean): void {
  const isIssuer = (issuer: unknown): boolean =>
    typeof issuer === 'string' && isTrustedUrl(issuer, allowInsecureHttp) && !/[?#]/.test(issuer);
  if (Array.isArray(value) && value.length > 0 && value.every(isIssuer)) return;
  fail(
    'metadata.authorizationServers',
    `an array of issuers, https URLs such as "https://auth.example.com" without query or fragment; ${HTTP_RULE}`,
    { value },
  );
}

function assertName(value: unknown): void {
  if (typeof value === 'string' && value.trim() !== '' && !/\p{Cc}/u.test(value)) return;
  fail('metadata.name', 'a name for end users, a string without control characters', { value });
}
