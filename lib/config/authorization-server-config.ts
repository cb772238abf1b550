import {
  assertBoolean,
  assertFunction,
  assertKnownNames,
  assertObject,
  assertOneOf,
  fail,
} from '../errors/option-asserts.js';
import { isSecureBaseUrl, normalizeBaseUrl } from '../http/base-url.js';
import { createOriginResolver } from '../http/request-origin.js';
import { systemClock } from '../runtime/clock.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import type { DpopProofVerifierRules } from '../verification/dpop-proof.verifier.js';
import type { DpopAuthorizationServerOptions } from './authorization-server-options.js';
import { parseNonce, parseOrigin, parseProof, parseStorage } from './option-parsers.js';

/** The asserted options of an authorization server with all defaults. Frozen. */
export interface AuthorizationServerConfig extends DpopProofVerifierRules {
  readonly issuer: string;
  readonly nonce: {
    readonly lifetimeSeconds: number;
    readonly secrets: readonly Uint8Array[] | undefined;
    readonly service: string;
  };
  readonly storage: DpopStorage;
  readonly logReceivedValues: boolean;
  readonly unguardedRoutes: 'error' | 'warn';
}

const NAME = 'DpopAuthorizationServerModule options';

/**
 * Creates the configuration from the options of the module.
 *
 * @throws TypeError that names the option and the accepted form
 */
export function createAuthorizationServerConfig(
  options: DpopAuthorizationServerOptions,
): AuthorizationServerConfig {
  assertObject(options, NAME);
  if (options.isGlobal !== undefined)
    fail('isGlobal', 'given beside the factory: forRootAsync({ isGlobal, … })');
  assertKnownNames(options, NAME, [
    'issuer',
    'origin',
    'allowInsecureHttp',
    'absentProof',
    'proof',
    'nonce',
    'storage',
    'logReceivedValues',
    'unguardedRoutes',
    'clock',
  ]);
  const { allowInsecureHttp = false, absentProof = 'refuse', clock = systemClock } = options;
  const { logReceivedValues = false, unguardedRoutes = 'error' } = options;
  assertBoolean(allowInsecureHttp, 'allowInsecureHttp');
  assertBoolean(logReceivedValues, 'logReceivedValues');
  assertOneOf(absentProof, 'absentProof', ['refuse', 'accept']);
  assertOneOf(unguardedRoutes, 'unguardedRoutes', ['error', 'warn']);
  assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch, such as Date.now', {
    value: clock,
  });
  const issuer = parseIssuer(options.issuer, allowInsecureHttp);
  const origin = parseOrigin(options.origin ?? new URL(issuer).origin, allowInsecureHttp);
  const { maxBytes, algorithms, ...proof } = parseProof(options.proof ?? {});
  const { mode, ...nonce } = parseNonce(options.nonce ?? 'off');
  const iatLifetimeSeconds = proof.maxAgeSeconds + proof.futureToleranceSeconds;
  return Object.freeze({
    clock,
    issuer,
    proofPolicy: Object.freeze({ absentProof, nonce: mode }),
    maxProofBytes: maxBytes,
    resolveOrigin: createOriginResolver(origin, allowInsecureHttp),
    proof: { ...proof, algorithms: new Set(algorithms), freshness: nonce.freshness },
    proofLifetimeSeconds:
      nonce.freshness === 'nonce'
        ? Math.max(iatLifetimeSeconds, 3 * nonce.lifetimeSeconds)
        : iatLifetimeSeconds,
    nonce: { ...nonce, service: describeServer(issuer, nonce.freshness) },
    // A server that issues tokens without a replay check would issue them for a captured request.
    onReplayStoreFailure: 'refuse',
    storage: parseStorage(options.storage),
    logReceivedValues,
    unguardedRoutes,
    // None: an unknown sender of proofs could evict the keys of clients.
    cache: { keys: { maxEntries: 0, maxBytes: 0 } },
  });
}

/** RFC 8414 §2: an https URL without query and fragment. */
function parseIssuer(issuer: unknown, allowInsecureHttp: boolean): string {
  const baseUrl = typeof issuer === 'string' ? normalizeBaseUrl(issuer) : undefined;
  if (
    typeof issuer === 'string' &&
    baseUrl !== undefined &&
    (allowInsecureHttp || isSecureBaseUrl(baseUrl))
  ) {
    return issuer;
  }
  return fail(
    'issuer',
    'an https URL such as "https://auth.example.com", without query or fragment (http on loopback only, elsewhere with allowInsecureHttp: true)',
    { value: issuer },
  );
}

/**
 * What nonces are bound to. A resource server describes itself by an array, so that no nonce of one is good for the other,
 * even in one app and with one secret (§8, §9).
 */
function describeServer(issuer: string, freshness: 'iat' | 'nonce'): string {
  return JSON.stringify({ authorizationServer: issuer, freshness });
}
