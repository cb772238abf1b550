import type { AccessTokenVerifier } from '../access-token/access-token.verifier.js';
import type { IssuerVerifier } from '../access-token/trusted-issuers.verifier.js';
import {
  assertBoolean,
  assertFunction,
  assertHeaderText,
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  fail,
} from '../errors/option-asserts.js';
import type { ChallengeParameters } from '../http/challenge.js';
import { createOriginResolver, type OriginOption } from '../http/request-origin.js';
import type { IssuerResolution } from '../issuer/issuer-resolution.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { RevocationChecker } from '../revocation/revocation.checker.js';
import type { CacheBounds } from '../runtime/bounded-cache.js';
import { systemClock } from '../runtime/clock.js';
import type { DpopStorage } from '../storage/dpop.storage.js';
import type { VerificationRules } from '../verification/verification-rules.js';
import { parseAccessToken } from './access-token-parser.js';
import type { DpopModuleOptions, TrialOptions } from './dpop-options.js';
import { parseMetadata, type ServedMetadata } from './metadata-parser.js';
import {
  MAX_HEADER_BYTES,
  parseCache,
  parseConfirmation,
  parseNonce,
  parseOrigin,
  parseProof,
  parseStorage,
  parseTickets,
} from './option-parsers.js';
import { parseRevocation } from './revocation-option.js';

/** The asserted options with all defaults, in the form that the checks use. Frozen. */
export interface DpopConfig extends VerificationRules {
  readonly nonce: {
    readonly lifetimeSeconds: number;
    readonly secrets: readonly Uint8Array[] | undefined;
    readonly service: string;
  };
  /** The base URLs of the option `origin` in normal form; `undefined` if they depend on the request. */
  readonly origins: readonly string[] | undefined;
  readonly allowInsecureHttp: boolean;
  readonly tickets: { readonly lifetimeSeconds: number };
  readonly challenge: ChallengeParameters;
  /** `undefined` if the library serves no protected resource metadata. */
  readonly metadata: ServedMetadata | undefined;
  readonly issuers: readonly JwtAccessTokenOptions[];
  readonly resolution: IssuerResolution | undefined;
  /** Verifiers of the app or of this package that take the tokens of one issuer each. */
  readonly issuerVerifiers: readonly IssuerVerifier[];
  /** Verifies the tokens that name no listed issuer. May be one of `issuerVerifiers`. */
  readonly fallbackVerifier: AccessTokenVerifier | undefined;
  readonly storage: DpopStorage;
  readonly revocation: RevocationChecker | undefined;
  readonly logReceivedValues: boolean;
  readonly unguardedRoutes: 'error' | 'warn';
  /** The configuration that is tried beside this one. */
  readonly trial: TrialConfig | undefined;
  readonly cache: { readonly keys: CacheBounds; readonly tokens: CacheBounds };
}

/** A configuration that is tried, and what it has of its own beside the present one. */
export interface TrialConfig extends DpopConfig {
  readonly hasOwnTokens: boolean;
  readonly hasOwnRevocation: boolean;
}

/**
 * Creates the configuration from the options of the module.
 *
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
    'confirmation',
    'maxTokenBytes',
    'proof',
    'nonce',
    'tickets',
    'storage',
    'onReplayStoreFailure',
    'revocation',
    'onRevocationFailure',
    'bearer',
    'enforcement',
    'trial',
    'realm',
    'metadata',
    'cache',
    'logReceivedValues',
    'unguardedRoutes',
    'clock',
  ]);
  const { allowInsecureHttp = false, bearer = 'reject', maxTokenBytes = 8192, clock = systemClock } = options;
  const { logReceivedValues = false } = options;
  assertBoolean(allowInsecureHttp, 'allowInsecureHttp');
  assertBoolean(logReceivedValues, 'logReceivedValues');
  assertOneOf(bearer, 'bearer', ['reject', 'allow-unbound', 'forbid']);
  const { enforcement = 'enforce' } = options;
  assertOneOf(enforcement, 'enforcement', ['enforce', 'report']);
  if (enforcement === 'report' && bearer === 'forbid') {
    fail('enforcement', "'enforce' beside bearer: 'forbid': 'report' lets Bearer through", {
      value: enforcement,
    });
  }
  const { onReplayStoreFailure = 'refuse', proof: proofOptions = {}, nonce: nonceOption = 'off' } = options;
  assertOneOf(onReplayStoreFailure, 'onReplayStoreFailure', ['refuse', 'accept-and-report']);
  const { onRevocationFailure = 'refuse' } = options;
  assertOneOf(onRevocationFailure, 'onRevocationFailure', ['refuse', 'accept-and-report']);
  const { unguardedRoutes = 'error' } = options;
  assertOneOf(unguardedRoutes, 'unguardedRoutes', ['error', 'warn']);
  assertInteger(maxTokenBytes, 'maxTokenBytes', 256, MAX_HEADER_BYTES);
  assertFunction(clock, 'clock', 'a function that returns milliseconds since the epoch, such as Date.now', {
    value: clock,
  });
  if (options.realm !== undefined) assertHeaderText(options.realm, 'realm', 'a string of printable ASCII');

  const origin = parseOrigin(options.origin, allowInsecureHttp);
  const { maxBytes, algorithms, ...proof } = parseProof(proofOptions);
  const nonce = parseNonce(nonceOption);
  const issuance = parseAccessToken(options.accessToken, allowInsecureHttp);
  const resolveOrigin = createOriginResolver(origin, allowInsecureHttp);
  const metadata = parseMetadata(
    options.metadata,
    { origin, resolveOrigin, issuers: [...issuance.issuers, ...issuance.issuerVerifiers] },
    allowInsecureHttp,
  );
  const iatLifetimeSeconds = proof.maxAgeSeconds + proof.futureToleranceSeconds;
  return Object.freeze({
    clock,
    policy: { nonce: nonce.mode, bearer: bearer === 'forbid' ? 'reject' : bearer, enforcement },
    forbidsBearer: bearer === 'forbid',
    forbidsTickets: options.tickets === 'forbid',
    limits: { tokenBytes: maxTokenBytes, proofBytes: maxBytes },
    resolveOrigin,
    origins: Array.isArray(origin) ? (origin as readonly string[]) : undefined,
    allowInsecureHttp,
    proof: { ...proof, algorithms: new Set(algorithms), freshness: nonce.freshness },
    proofLifetimeSeconds:
      nonce.freshness === 'nonce'
        ? Math.max(iatLifetimeSeconds, 3 * nonce.lifetimeSeconds)
        : iatLifetimeSeconds,
    nonce: { ...nonce, service: describeService(options.realm, origin, issuance.issuers, nonce.freshness) },
    tickets: parseTickets(options.tickets),
    challenge: {
      algs: algorithms.join(' '),
      realm: options.realm,
      resourceMetadata: metadata.challengeUrl,
    },
    metadata: metadata.served,
    ...issuance,
    confirmation: parseConfirmation(options.confirmation),
    storage: parseStorage(options.storage),
    onReplayStoreFailure,
    revocation: parseRevocation(options.revocation),
    onRevocationFailure,
    logReceivedValues,
    unguardedRoutes,
    cache: parseCache(options.cache),
    trial: parseTrial(options),
  });
}

const TRIAL_NAMES: readonly (keyof TrialOptions)[] = [
  'origin',
  'allowInsecureHttp',
  'accessToken',
  'confirmation',
  'maxTokenBytes',
  'proof',
  'nonce',
  'revocation',
  'onRevocationFailure',
  'bearer',
];

function parseTrial({ trial, ...present }: DpopModuleOptions): TrialConfig | undefined {
  if (trial === undefined) return undefined;
  assertObject(trial, 'trial');
  assertKnownNames(trial, 'trial', TRIAL_NAMES);
  const config = createTrialConfig({ ...present, ...trial });
  return Object.freeze({
    ...config,
    hasOwnTokens: trial.accessToken !== undefined,
    hasOwnRevocation: trial.revocation !== undefined,
  });
}

function createTrialConfig(options: DpopModuleOptions): DpopConfig {
  try {
    return createConfig(options);
  } catch (error) {
    if (error instanceof TypeError) error.message = `trial: ${error.message}`;
    throw error;
  }
}

/** What nonces are bound to: equal on all instances of a service, and different for another service with the same secret. */
function describeService(
  realm: string | undefined,
  origin: OriginOption,
  issuers: readonly JwtAccessTokenOptions[],
  freshness: 'iat' | 'nonce',
): string {
  const audiences = issuers.map(({ issuer, audience }) => [issuer, audience]);
  // After a change of `freshness`, old nonces are refused: the record of their proofs may already have expired.
  const rule = freshness === 'nonce' ? ['freshness by nonce'] : [];
  // JSON has null for a function and for undefined.
  return JSON.stringify([realm, origin, audiences, ...rule]);
}
