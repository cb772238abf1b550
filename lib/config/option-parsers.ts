import type { ConfirmationOption } from '../access-token/second-confirmation.js';
import {
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  assertStrings,
  fail,
} from '../errors/option-asserts.js';
import { isSecureBaseUrl, normalizeBaseUrl } from '../http/base-url.js';
import type { OriginOption } from '../http/request-origin.js';
import { DEFAULT_ALGORITHMS, isSupportedAlgorithm, JWS_ALGORITHMS } from '../jws/algorithms.js';
import { parseNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { minProofBytes } from '../proof/proof-size.js';
import type { CacheBounds } from '../runtime/bounded-cache.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import { MemoryStorage } from '../storage/memory.storage.js';
import type { CacheOptions, NonceOptions, ProofOptions, TicketOptions } from './dpop-options.js';

/** Parsers of single options. Each asserts one option and adds its defaults. */

export const MAX_HEADER_BYTES = 65_536;
/** The replay store keeps a record for as long as its proof is fresh. */
const MAX_FRESHNESS_SECONDS = 3600;

export function parseOrigin(origin: unknown, allowInsecureHttp: boolean): OriginOption {
  if (origin === 'request' || typeof origin === 'function') return origin as OriginOption;
  const accepted =
    'an https URL such as "https://api.example.com", without query or fragment (http on loopback only, elsewhere with allowInsecureHttp: true), an array of those, "request" or a function';
  const origins = typeof origin === 'string' ? [origin] : origin;
  assertStrings(origins, 'origin', accepted);
  return origins.map((value) => {
    const baseUrl = normalizeBaseUrl(value);
    if (baseUrl === undefined || !(allowInsecureHttp || isSecureBaseUrl(baseUrl))) {
      fail('origin', accepted, { value });
    }
    return baseUrl;
  });
}

export function parseProof(options: ProofOptions): Required<ProofOptions> {
  assertObject(options, 'proof');
  assertKnownNames(options, 'proof', [
    'algorithms',
    'maxAgeSeconds',
    'futureToleranceSeconds',
    'maxBytes',
    'queryInHtu',
  ]);
  const {
    algorithms = DEFAULT_ALGORITHMS,
    maxAgeSeconds = 60,
    futureToleranceSeconds = 30,
    maxBytes = 8192,
    queryInHtu = 'ignore',
  } = options;
  const accepted = `an array of algorithms that this Node supports, of ${[...JWS_ALGORITHMS.keys()].join(', ')}`;
  assertStrings(algorithms, 'proof.algorithms', accepted);
  const unsupported = algorithms.filter((algorithm) => !isSupportedAlgorithm(algorithm));
  if (unsupported.length > 0) fail('proof.algorithms', accepted, { value: unsupported });
  assertInteger(maxAgeSeconds, 'proof.maxAgeSeconds', 1, MAX_FRESHNESS_SECONDS);
  assertInteger(futureToleranceSeconds, 'proof.futureToleranceSeconds', 0, 3600);
  assertInteger(maxBytes, 'proof.maxBytes', 512, MAX_HEADER_BYTES);
  assertRoomFor(algorithms, maxBytes);
  assertOneOf(queryInHtu, 'proof.queryInHtu', ['ignore', 'reject']);
  return { algorithms, maxAgeSeconds, futureToleranceSeconds, maxBytes, queryInHtu };
}

/** Keys and signatures of ML-DSA are so long that no proof may fit into the default of `proof.maxBytes`. */
function assertRoomFor(algorithms: readonly string[], maxBytes: number): void {
  for (const algorithm of algorithms) {
    const minBytes = minProofBytes(algorithm);
    if (maxBytes < minBytes) {
      fail('proof.maxBytes', `at least ${minBytes}, because proof.algorithms lists ${algorithm}`, {
        value: maxBytes,
      });
    }
  }
}

const NONCE_FORM = '"off" or "required", or an object: { mode: "required", secret: … }';
const MAX_MODE_LENGTH = 16;

interface ParsedNonce {
  readonly mode: 'off' | 'required';
  readonly secrets: readonly Uint8Array[] | undefined;
  readonly lifetimeSeconds: number;
  readonly freshness: 'iat' | 'nonce';
}

export function parseNonce(option: 'off' | 'required' | NonceOptions): ParsedNonce {
  const options: unknown = typeof option === 'string' ? { mode: option } : option;
  // A long string may be a secret, which must not be shown.
  if (typeof option === 'string' && option.length > MAX_MODE_LENGTH) fail('nonce', NONCE_FORM);
  assertObject(options, 'nonce', NONCE_FORM);
  assertKnownNames(options, 'nonce', ['mode', 'secret', 'lifetimeSeconds', 'freshness']);
  const { mode, secret, lifetimeSeconds = 120, freshness = 'iat' } = options;
  assertOneOf(mode, typeof option === 'string' ? 'nonce' : 'nonce.mode', ['off', 'required']);
  assertInteger(lifetimeSeconds, 'nonce.lifetimeSeconds', 1, MAX_FRESHNESS_SECONDS);
  assertOneOf(freshness, 'nonce.freshness', ['iat', 'nonce']);
  const secrets = secret === undefined ? undefined : parseNonceSecrets(secret, 'nonce.secret');
  return { mode, secrets, lifetimeSeconds, freshness };
}

export function parseTickets(option: 'forbid' | TicketOptions = {}): Required<TicketOptions> {
  const options: unknown = option === 'forbid' ? {} : option;
  assertObject(options, 'tickets', '"forbid", or an object: { lifetimeSeconds: 30 }');
  assertKnownNames(options, 'tickets', ['lifetimeSeconds']);
  const { lifetimeSeconds = 30 } = options;
  assertInteger(lifetimeSeconds, 'tickets.lifetimeSeconds', 1, 300);
  return { lifetimeSeconds };
}

export function parseConfirmation(option: unknown): ConfirmationOption {
  if (option === undefined || option === 'jkt-only' || typeof option === 'function')
    return option as ConfirmationOption;
  return fail(
    'confirmation',
    'a function of cnf and the request that returns true or false, such as confirmClientCertificate, or "jkt-only"',
    { value: option },
  );
}

export function parseStorage(storage: DpopStorage | undefined): DpopStorage {
  if (storage === undefined) return new MemoryStorage();
  const accepted = 'a DpopStorage, such as new MemoryStorage() or the RedisStorage of nestjs-dpop/redis';
  assertObject(storage, 'storage', accepted);
  const { replayStore, nonceSecrets, shared } = storage;
  const defined = ['open', 'close', 'ping'].filter((method) => storage[method] !== undefined);
  const refresh = replayStore?.refreshEpoch === undefined ? [] : ['refreshEpoch'];
  const missing = [
    ...missingMethods(replayStore, ['claim', 'epochOf', ...refresh], 'replayStore.'),
    ...(nonceSecrets === undefined ? [] : missingMethods(nonceSecrets, ['secrets'], 'nonceSecrets.')),
    ...missingMethods(storage, defined, ''),
    ...(typeof shared === 'boolean' ? [] : ['shared, true or false']),
  ];
  if (missing.length > 0) fail('storage', `${accepted}; this one lacks ${missing.join(', ')}`);
  const { deadlineMs } = replayStore;
  if (deadlineMs !== undefined) assertInteger(deadlineMs, 'storage.replayStore.deadlineMs', 1, 60_000);
  return storage;
}

function missingMethods(value: unknown, names: readonly string[], prefix: string): readonly string[] {
  const members = value as Readonly<Record<string, unknown>> | null | undefined;
  return names
    .filter((name) => typeof members?.[name] !== 'function')
    .map((name) => `the method ${prefix}${name}`);
}

/** The average limit per entry: two bytes for each character of a proof header or a token, and the parsed value. */
const BYTES_PER_ENTRY = 4096;

export function parseCache(options: CacheOptions = {}): {
  readonly keys: CacheBounds;
  readonly tokens: CacheBounds;
} {
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
