import {
  assertBoolean,
  assertFunction,
  assertInteger,
  assertKnownNames,
  assertObject,
  assertOneOf,
  fail,
} from '../errors/option-asserts.js';
import { assertUrl, parseJwtAccessTokenOptions } from '../issuer/issuer-option-parser.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { type ClientAuthentication, parseClient } from './client-authentication.js';
import type { IntrospectionOptions } from './introspection-options.js';

/** The asserted options with all defaults. */
export interface ParsedIntrospection {
  readonly accessToken: JwtAccessTokenOptions;
  readonly client: ClientAuthentication;
  readonly endpoint: string | undefined;
  readonly signedResponses: boolean;
  readonly verifySignature: boolean;
  readonly opaqueTokens: boolean;
  readonly absentAudience: 'refuse' | 'accept';
  readonly cacheSeconds: number;
  readonly maxCachedTokens: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The names of the options that accept `http:`. */
  readonly insecureOptions: readonly string[];
}

const NAMES: readonly (keyof IntrospectionOptions)[] = [
  'accessToken',
  'client',
  'endpoint',
  'allowInsecureEndpoint',
  'allowInsecureHttp',
  'signedResponses',
  'verifySignature',
  'opaqueTokens',
  'absentAudience',
  'cacheSeconds',
  'maxCachedTokens',
  'timeoutMs',
  'clock',
];

/**
 * Parses the options of `introspection`.
 *
 * @throws TypeError that names the option and the accepted form
 */
export function parseIntrospectionOptions(options: IntrospectionOptions): ParsedIntrospection {
  assertObject(options, 'introspection()', 'given an object of options');
  assertKnownNames(options, 'introspection()', NAMES);
  const { allowInsecureHttp = false, signedResponses = false, verifySignature = false } = options;
  const { opaqueTokens = !verifySignature, absentAudience = 'refuse', clock = systemClock } = options;
  const { cacheSeconds = 0, maxCachedTokens = 10_000, timeoutMs = 5000, endpoint } = options;
  assertBoolean(allowInsecureHttp, 'introspection.allowInsecureHttp');
  assertBoolean(signedResponses, 'introspection.signedResponses');
  assertBoolean(verifySignature, 'introspection.verifySignature');
  assertBoolean(opaqueTokens, 'introspection.opaqueTokens');
  if (opaqueTokens && verifySignature)
    fail('introspection.opaqueTokens', 'left out with verifySignature: an opaque token has no signature');
  assertOneOf(absentAudience, 'introspection.absentAudience', ['refuse', 'accept']);
  assertInteger(cacheSeconds, 'introspection.cacheSeconds', 0, 3600);
  assertInteger(maxCachedTokens, 'introspection.maxCachedTokens', 0, 10_000_000);
  assertInteger(timeoutMs, 'introspection.timeoutMs', 1, 60_000);
  assertFunction(clock, 'introspection.clock', 'a function that returns milliseconds since the epoch', {
    value: clock,
  });
  assertEndpoint(options, allowInsecureHttp);
  const accessToken = parseJwtAccessTokenOptions(
    options.accessToken,
    'introspection.accessToken',
    allowInsecureHttp,
  );
  return {
    accessToken,
    client: parseClient(options.client, 'introspection.client'),
    endpoint,
    signedResponses,
    verifySignature,
    opaqueTokens,
    absentAudience,
    cacheSeconds,
    maxCachedTokens,
    timeoutMs,
    clock,
    insecureOptions: insecureOptionsOf(options, accessToken),
  };
}

function insecureOptionsOf(
  { allowInsecureHttp, allowInsecureEndpoint }: IntrospectionOptions,
  { allowInsecureJwksUri }: JwtAccessTokenOptions,
): readonly string[] {
  const settings = {
    allowInsecureHttp,
    allowInsecureEndpoint,
    'accessToken.allowInsecureJwksUri': allowInsecureJwksUri,
  };
  return Object.entries(settings)
    .filter(([, isSet]) => isSet === true)
    .map(([name]) => name);
}

function assertEndpoint(
  { endpoint, allowInsecureEndpoint = false }: IntrospectionOptions,
  allowInsecureHttp: boolean,
): void {
  assertBoolean(allowInsecureEndpoint, 'introspection.allowInsecureEndpoint');
  if (endpoint === undefined) {
    if (!allowInsecureEndpoint) return;
    fail('introspection.allowInsecureEndpoint', 'left out without endpoint, which it is about');
  }
  assertUrl(
    endpoint,
    'introspection.endpoint',
    'the https URL of the introspection endpoint',
    allowInsecureHttp || allowInsecureEndpoint,
    'allowInsecureEndpoint: true',
  );
}
