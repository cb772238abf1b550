import { assertFunction, assertInteger, assertKnownNames, assertObject } from '../errors/option-asserts.js';
import type { DpopRequest } from '../http/dpop-request.js';
import type { JwtAccessTokenOptions } from './jwt-access-token-options.js';

/** Finds the options of issuers at run time, for a service whose tenants bring their own issuers. */
export interface IssuerResolutionOptions {
  /**
   * The options of an issuer, or `undefined` for one that this tenant does not trust. Answer from a list of your own: an
   * attacker chooses the name. The same issuer and tenant must have the same answer for `lookupMaxAgeSeconds`.
   *
   * @param issuer the `iss` of a token that is not verified yet
   * @param tenant what `tenantOf` returned
   */
  readonly resolveIssuer: (
    issuer: string,
    tenant: string,
  ) => JwtAccessTokenOptions | undefined | Promise<JwtAccessTokenOptions | undefined>;
  /**
   * The tenant that a request is for, of a closed set of names: the client chooses host and path. Tokens, keys and lookups
   * of one tenant are never used for another. Default: the service has one tenant, `''`.
   */
  readonly tenantOf?: (request: DpopRequest) => string;
  /** How many issuers are kept with their keys, default 1000. */
  readonly maxIssuers?: number;
  /** How long an answer is used, in seconds, default 60; the answer `undefined` at most 10. */
  readonly lookupMaxAgeSeconds?: number;
  /** The time limit of one lookup, in milliseconds, default 5000. */
  readonly lookupTimeoutMs?: number;
}

/**
 * Under which a profile stores what limits the answers of `resolveIssuer`. A symbol, because it is no option of apps. The
 * limit throws a TypeError for an answer that asks for more.
 */
export const LIMIT_ANSWER: unique symbol = Symbol('limitAnswer');

type LimitAnswer = (options: JwtAccessTokenOptions) => JwtAccessTokenOptions;

const NAMES: readonly (keyof IssuerResolutionOptions)[] = [
  'resolveIssuer',
  'tenantOf',
  'maxIssuers',
  'lookupMaxAgeSeconds',
  'lookupTimeoutMs',
];

/** Whether an option is meant to resolve issuers, right or wrong. */
export function isIssuerResolution(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'resolveIssuer' in value;
}

/** The options with their defaults. */
export interface IssuerResolution extends Required<IssuerResolutionOptions> {
  /** Of the service: whether issuers beyond loopback may be `http:`. */
  readonly allowInsecureHttp: boolean;
  readonly limitAnswer: LimitAnswer;
}

/** @throws TypeError that names the option and the accepted form */
export function parseIssuerResolution(
  value: unknown,
  option: string,
  allowInsecureHttp: boolean,
): IssuerResolution {
  assertObject(value, option);
  assertKnownNames(value, option, NAMES);
  const { resolveIssuer, tenantOf = () => '' } = value;
  const { maxIssuers = 1000, lookupMaxAgeSeconds = 60, lookupTimeoutMs = 5000 } = value;
  const form = 'a function that returns the options of an issuer, or undefined';
  assertFunction(resolveIssuer, `${option}.resolveIssuer`, form, { value: resolveIssuer });
  assertFunction(tenantOf, `${option}.tenantOf`, 'a function that returns a string', { value: tenantOf });
  assertInteger(maxIssuers, `${option}.maxIssuers`, 1, 100_000);
  assertInteger(lookupMaxAgeSeconds, `${option}.lookupMaxAgeSeconds`, 1, 86_400);
  assertInteger(lookupTimeoutMs, `${option}.lookupTimeoutMs`, 1, 60_000);
  const { [LIMIT_ANSWER]: limit } = value as { readonly [LIMIT_ANSWER]?: LimitAnswer };
  return Object.freeze({
    resolveIssuer: resolveIssuer as IssuerResolutionOptions['resolveIssuer'],
    tenantOf: tenantOf as NonNullable<IssuerResolutionOptions['tenantOf']>,
    maxIssuers,
    lookupMaxAgeSeconds,
    lookupTimeoutMs,
    allowInsecureHttp,
    limitAnswer: limit ?? ((options) => options),
  });
}
