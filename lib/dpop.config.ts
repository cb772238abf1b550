import { AccessTokenVerifier } from './access-token/access-token.verifier.js';
import { parseJwtAccessTokenOptions } from './access-token/jwt-access-token.asserts.js';
import type { JwtAccessTokenOptions } from './access-token/jwt-access-token.options.js';
import type { CacheBounds } from './bounded-cache.js';
import { type Clock, systemClock } from './clock.js';
import type { CacheOptions, DpopModuleOptions, NonceOptions, ProofOptions } from './dpop.options.js';
import type { DpopPolicy } from './dpop.policy.js';
import type { ChallengeParameters } from './errors/challenge.js';
import { isSecureBaseUrl, isTrustedUrl, normalizeBaseUrl } from './http/base-url.js';
import type { CredentialLimits } from './http/credentials.js';
import { createOriginResolver, type OriginOption, type OriginResolver } from './http/request-origin.js';
import { parseNonceSecrets } from './nonce/nonce-secrets.js';
import {
  assertFunction,
  assertHeaderText,
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  assertStrings,
  fail,
} from './option-asserts.js';
import { DEFAULT_PROOF_ALGORITHMS, isSupportedAlgorithm, PROOF_ALGORITHMS } from './proof/algorithms.js';
import type { FreshnessWindow } from './proof/proof-checks.js';
import type { DpopStorage } from './storage/dpop-storage.js';
import { MemoryStorage } from './storage/memory.storage.js';

/** The options with all defaults in place, asserted, in the form that the checks use. Frozen. */
export interface DpopConfig {
  readonly clock: Clock;
  /** The policy of a route that has none of its own. */
  readonly policy: DpopPolicy;
  readonly limits: CredentialLimits;
  readonly resolveOrigin: OriginResolver;
  readonly proof: FreshnessWindow & {
    readonly algorithms: ReadonlySet<string>;
    readonly queryInHtu: 'ignore' | 'reject';
    readonly freshness: 'iat' | 'nonce';
  };
  /** The longest that a proof seen at some instant can stay fresh after it. */
  readonly proofLifetimeSeconds: number;
  readonly nonce: {
    readonly lifetimeSeconds: number;
    readonly secrets: readonly Uint8Array[] | undefined;
    readonly service: string;
  };
  readonly challenge: ChallengeParameters;
  readonly issuers: readonly JwtAccessTokenOptions[];
  readonly fallbackVerifier: AccessTokenVerifier | undefined;
  readonly storage: DpopStorage;
  readonly onReplayStoreFailure: 'refuse' | 'accept-and-report';
  readonly cache: { readonly keys: CacheBounds; readonly tokens: CacheBounds };
}

const MAX_HEADER_BYTES = 65_536;
/** What is fresh for longer is not fresh; replay memory holds each proof for as long. */
const MAX_FRESHNESS_SECONDS = 3600;

/**
 * @throws TypeError that names the option and the accepted form
 */
export function createConfig(options: DpopModuleOptions): DpopConfig {
  assertObject(options, 'DpopModule options');
  if (options.isGlobal !== undefined)
    fail('isGlobal', 'given beside the factory: forRootAsync({ isGlobal, … })');
  assertKnownNames(options, 'DpopModule options', [
    'origin',
    'allowInsecureHttp',
    'accessToken',
    'maxTokenBytes',
    'proof',
    'nonce',
    'storage',
    'onReplayStoreFailure',
    'bearer',
    'realm',
    'metadata',
    'cache',
    'clock',
  ]);
  const { allowInsecureHttp = false, bearer = 'reject', maxTokenBytes = 8192, clock = systemClock } = options;
  if (typeof allowInsecureHttp !== 'boolean') fail('allowInsecureHttp', 'true or false');
  assertOneOf(bearer, 'bearer', ['reject', 'allow-unbound']);
  const { onReplayStoreFailure = 'refuse', proof: proofOptions = {}, nonce: nonceOption = 'off' } = options;
  assertOneOf(onReplayStoreFailure, 'onReplayStoreFailure', ['refuse', 'accept-and-report']);
  assertInteger(maxTokenBytes, 'maxTokenBytes', 256, MAX_HEADER_BYTES);
  assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch');
  if (options.realm !== undefined) assertHeaderText(options.realm, 'realm', 'a string of printable ASCII');

  const origin = parseOrigin(options.origin, allowInsecureHttp);
  const { maxBytes, algorithms, ...proof } = parseProof(proofOptions);
  const nonce = parseNonce(nonceOption);
  const issuance = parseAccessToken(options.accessToken, allowInsecureHttp);
  const iatLifetime = proof.maxAgeSeconds + proof.futureToleranceSeconds;
  return Object.freeze({
    clock,
    policy: { nonce: nonce.mode, bearer },
    limits: { tokenBytes: maxTokenBytes, proofBytes: maxBytes },
    resolveOrigin: createOriginResolver(origin, allowInsecureHttp),
    proof: { ...proof, algorithms: new Set(algorithms), freshness: nonce.freshness },
    proofLifetimeSeconds:
      nonce.freshness === 'nonce' ? Math.max(iatLifetime, 3 * nonce.lifetimeSeconds) : iatLifetime,
    nonce: { ...nonce, service: describeService(options.realm, origin, issuance.issuers) },
    challenge: {
      algorithms,
      realm: options.realm,
      resourceMetadata: parseMetadata(options.metadata, allowInsecureHttp),
    },
    ...issuance,
    storage: parseStorage(options.storage),
    onReplayStoreFailure,
    cache: parseCache(options.cache),
  });
}

function parseOrigin(origin: unknown, allowInsecureHttp: boolean): OriginOption {
  if (origin === 'request' || typeof origin === 'function') return origin as OriginOption;
  const accepted =
    'an https URL such as "https://api.example.com", without query or fragment (http on loopback only), an array of those, "request" or a function';
  const origins = typeof origin === 'string' ? [origin] : origin;
  assertStrings(origins, 'origin', accepted);
  return origins.map((value) => {
    const baseUrl = normalizeBaseUrl(value);
    if (baseUrl === undefined || !(allowInsecureHttp || isSecureBaseUrl(baseUrl))) fail('origin', accepted);
    return baseUrl;
  });
}

function parseProof(options: ProofOptions): Required<ProofOptions> {
  assertObject(options, 'proof');
  assertKnownNames(options, 'proof', [
    'algorithms',
    'maxAgeSeconds',
    'futureToleranceSeconds',
    'maxBytes',
    'queryInHtu',
  ]);
  const {
    algorithms = DEFAULT_PROOF_ALGORITHMS,
    maxAgeSeconds = 60,
    futureToleranceSeconds = 30,
    maxBytes = 8192,
    queryInHtu = 'ignore',
  } = options;
  const accepted = `an array of algorithms that this Node supports, of ${[...PROOF_ALGORITHMS.keys()].join(', ')}`;
  assertStrings(algorithms, 'proof.algorithms', accepted);
  if (!algorithms.every(isSupportedAlgorithm)) fail('proof.algorithms', accepted);
  assertInteger(maxAgeSeconds, 'proof.maxAgeSeconds', 1, MAX_FRESHNESS_SECONDS);
  assertInteger(futureToleranceSeconds, 'proof.futureToleranceSeconds', 0, 3600);
  assertInteger(maxBytes, 'proof.maxBytes', 512, MAX_HEADER_BYTES);
  assertOneOf(queryInHtu, 'proof.queryInHtu', ['ignore', 'reject']);
  return { algorithms, maxAgeSeconds, futureToleranceSeconds, maxBytes, queryInHtu };
}

interface ParsedNonce {
  readonly mode: 'off' | 'required';
  readonly secrets: readonly Uint8Array[] | undefined;
  readonly lifetimeSeconds: number;
  readonly freshness: 'iat' | 'nonce';
}

function parseNonce(option: 'off' | 'required' | NonceOptions): ParsedNonce {
  const options: unknown = typeof option === 'string' ? { mode: option } : option;
  assertObject(options, 'nonce', '"off" or "required", or an object with mode, secret and so on');
  assertKnownNames(options, 'nonce', ['mode', 'secret', 'lifetimeSeconds', 'freshness']);
  const { mode, secret, lifetimeSeconds = 120, freshness = 'iat' } = options;
  assertOneOf(mode, typeof option === 'string' ? 'nonce' : 'nonce.mode', ['off', 'required']);
  assertInteger(lifetimeSeconds, 'nonce.lifetimeSeconds', 1, MAX_FRESHNESS_SECONDS);
  assertOneOf(freshness, 'nonce.freshness', ['iat', 'nonce']);
  const secrets = secret === undefined ? undefined : parseNonceSecrets(secret, 'nonce.secret');
  return { mode, secrets, lifetimeSeconds, freshness };
}

function parseAccessToken(
  option: DpopModuleOptions['accessToken'],
  allowInsecureHttp: boolean,
): Pick<DpopConfig, 'issuers' | 'fallbackVerifier'> {
  const items: readonly unknown[] = Array.isArray(option) ? option : [option];
  if (items.length === 0)
    fail('accessToken', 'the options of an issuer, an AccessTokenVerifier, or an array of those');
  const verifiers = items.filter((item) => item instanceof AccessTokenVerifier);
  if (verifiers.length > 1) {
    fail(
      'accessToken',
      'an array with at most one AccessTokenVerifier, which takes the tokens of no listed issuer',
    );
  }
  const issuers = items
    .filter((item) => !(item instanceof AccessTokenVerifier))
    .map((item) => parseJwtAccessTokenOptions(item, 'accessToken', allowInsecureHttp));
  if (new Set(issuers.map(({ issuer }) => issuer)).size < issuers.length) {
    fail('accessToken', 'an array that names each issuer once; accessToken.audience takes several values');
  }
  return { issuers, fallbackVerifier: verifiers[0] };
}

function parseMetadata(
  metadata: DpopModuleOptions['metadata'],
  allowInsecureHttp: boolean,
): string | undefined {
  if (metadata === undefined) return undefined;
  const accepted = 'the https URL of the protected resource metadata (RFC 9728)';
  assertObject(metadata, 'metadata');
  assertKnownNames(metadata, 'metadata', ['url']);
  assertHeaderText(metadata.url, 'metadata.url', accepted);
  if (!isTrustedUrl(metadata.url, allowInsecureHttp)) fail('metadata.url', accepted);
  return metadata.url;
}

function parseStorage(storage: DpopStorage | undefined): DpopStorage {
  if (storage === undefined) return new MemoryStorage();
  const accepted = 'a DpopStorage, such as new MemoryStorage()';
  assertObject(storage, 'storage', accepted);
  const { replayStore, nonceSecrets, shared } = storage;
  const given = ['open', 'close', 'ping'].filter((method) => storage[method] !== undefined);
  const complete =
    hasMethods(replayStore, ['claim', 'memoryOf']) &&
    (nonceSecrets === undefined || hasMethods(nonceSecrets, ['secrets'])) &&
    hasMethods(storage, given) &&
    typeof shared === 'boolean';
  if (!complete) fail('storage', `${accepted}; this one lacks a member, or has one of the wrong type`);
  return storage;
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  const members = value as Readonly<Record<string, unknown>> | null | undefined;
  return names.every((name) => typeof members?.[name] === 'function');
}

/** A proof's header and a token are counted with two octets for each character, and what is made of them. */
const BYTES_PER_ENTRY = 4096;

function parseCache(options: CacheOptions = {}): DpopConfig['cache'] {
  assertObject(options, 'cache');
  assertKnownNames(options, 'cache', ['maxKeys', 'maxTokens']);
  const { maxKeys = 10_000, maxTokens = 10_000 } = options as CacheOptions;
  assertInteger(maxKeys, 'cache.maxKeys', 0, 10_000_000);
  assertInteger(maxTokens, 'cache.maxTokens', 0, 10_000_000);
  return {
    keys: { maxEntries: maxKeys, maxBytes: maxKeys * BYTES_PER_ENTRY },
    tokens: { maxEntries: maxTokens, maxBytes: maxTokens * BYTES_PER_ENTRY },
  };
}

/** What makes this service another than its neighbour with the same secret; equal on all its instances. */
function describeService(
  realm: string | undefined,
  origin: OriginOption,
  issuers: readonly JwtAccessTokenOptions[],
): string {
  const audiences = issuers.map(({ issuer, audience }) => [issuer, audience]);
  return JSON.stringify([realm ?? null, typeof origin === 'function' ? null : origin, audiences]);
}
