import { isDeepStrictEqual } from 'node:util';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { parseJwtAccessTokenOptions } from '../issuer/issuer-option-parser.js';
import type { IssuerResolution } from '../issuer/issuer-resolution.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { withTimeLimit } from '../outbound/time-limit.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';
import { JwtAccessTokenVerifier } from './jwt-access-token.verifier.js';
import type { TrustedIssuer } from './trusted-issuer.js';

/** A longer name is not looked up. */
const MAX_ISSUER_LENGTH = 1024;
const MAX_UNKNOWN_AGE_SECONDS = 10;

/** An issuer that a lookup found, with keys and outages of its own. */
interface ResolvedIssuer extends TrustedIssuer {
  readonly options: JwtAccessTokenOptions;
  /** When its lookup began. */
  lookedUpAtMs: number;
}

/**
 * The issuers that the app names at run time. Bounded: names that the app does not know are kept apart, so that they evict
 * no issuer.
 */
export class ResolvedIssuers {
  readonly #resolution: IssuerResolution;
  readonly #clock: Clock;
  /** By tenant and name. The last one found comes last. */
  readonly #issuers = new Map<string, ResolvedIssuer>();
  /** When names were found to be unknown. */
  readonly #unknown: BoundedCache<number>;
  readonly #lookups = new Map<string, Promise<ResolvedIssuer | undefined>>();
  readonly #shutdown = new AbortController();
  #warn: (text: string) => void = () => undefined;

  constructor(resolution: IssuerResolution, clock: Clock) {
    this.#resolution = resolution;
    this.#clock = clock;
    const { maxIssuers } = resolution;
    this.#unknown = new BoundedCache({ maxEntries: maxIssuers, maxBytes: 512 * maxIssuers });
  }

  open(warn: (text: string) => void): void {
    this.#warn = warn;
  }

  close(): void {
    this.#shutdown.abort(new OutboundError('the service shuts down'));
    for (const { verifier } of this.#issuers.values()) verifier.close();
  }

  /** @throws DpopUnavailableError when `tenantOf` fails */
  tenantOf(request: DpopRequest): string {
    let tenant: unknown;
    try {
      tenant = this.#resolution.tenantOf(request);
    } catch (cause) {
      throw unresolved('tenantOf threw an error', cause);
    }
    if (typeof tenant === 'string') return tenant;
    throw unresolved('tenantOf must return a string');
  }

  /**
   * The issuer of this name, if this tenant trusts it. Concurrent callers share one lookup.
   *
   * @throws DpopUnavailableError when the lookup fails
   */
  async find(name: string, tenant: string): Promise<TrustedIssuer | undefined> {
    if (name.length > MAX_ISSUER_LENGTH) return undefined;
    const key = keyOf(name, tenant);
    const issuer = this.#issuers.get(key);
    if (issuer?.isCurrent() === true) return issuer;
    if (this.#isUnknown(key)) return undefined;
    let lookup = this.#lookups.get(key);
    if (lookup === undefined) {
      lookup = this.#lookUp(name, tenant, key).finally(() => this.#lookups.delete(key));
      this.#lookups.set(key, lookup);
    }
    return await lookup;
  }

  /** An issuer that was found before. */
  found(name: string, request: DpopRequest): TrustedIssuer | undefined {
    return this.#issuers.get(keyOf(name, this.tenantOf(request)));
  }

  async #lookUp(name: string, tenant: string, key: string): Promise<ResolvedIssuer | undefined> {
    const lookedUpAtMs = this.#clock();
    const options = await this.#resolve(name, tenant);
    const former = this.#issuers.get(key);
    this.#issuers.delete(key);
    if (options !== undefined && former !== undefined && isDeepStrictEqual(former.options, options)) {
      former.lookedUpAtMs = lookedUpAtMs;
      this.#issuers.set(key, former);
      return former;
    }
    former?.verifier.close();
    if (options === undefined) {
      this.#unknown.set(key, lookedUpAtMs, 2 * key.length);
      return undefined;
    }
    return this.#add(key, options, lookedUpAtMs);
  }

  #add(key: string, options: JwtAccessTokenOptions, lookedUpAtMs: number): ResolvedIssuer {
    const [oldest] = this.#issuers;
    if (oldest !== undefined && this.#issuers.size >= this.#resolution.maxIssuers) {
      this.#issuers.delete(oldest[0]);
      oldest[1].verifier.close();
    }
    const issuer: ResolvedIssuer = {
      options,
      verifier: new JwtAccessTokenVerifier(options, this.#clock),
      lookedUpAtMs,
      isCurrent: () => this.#issuers.get(key) === issuer && this.#isFresh(issuer.lookedUpAtMs),
    };
    this.#issuers.set(key, issuer);
    void issuer.verifier.open(this.#warn);
    return issuer;
  }

  async #resolve(name: string, tenant: string): Promise<JwtAccessTokenOptions | undefined> {
    const { resolveIssuer, lookupTimeoutMs: timeoutMs } = this.#resolution;
    let options: unknown;
    try {
      options = await withTimeLimit(
        { option: 'lookupTimeoutMs', timeoutMs },
        this.#shutdown.signal,
        (signal) => Promise.race([resolveIssuer(name, tenant), rejectionOf(signal)]),
      );
    } catch (cause) {
      const isLate = cause instanceof OutboundError;
      throw unresolved(isLate ? `resolveIssuer: ${cause.message}` : 'resolveIssuer threw an error', cause);
    }
    return options === undefined ? undefined : parseAnswer(options, name, this.#resolution);
  }

  #isUnknown(key: string): boolean {
    const sinceMs = this.#unknown.get(key);
    return sinceMs !== undefined && this.#isFresh(sinceMs, MAX_UNKNOWN_AGE_SECONDS);
  }

  #isFresh(lookedUpAtMs: number, maxAgeSeconds = Infinity): boolean {
    const ageMs = this.#clock() - lookedUpAtMs;
    // A clock that was set back says nothing about the age.
    return ageMs >= 0 && ageMs < 1000 * Math.min(this.#resolution.lookupMaxAgeSeconds, maxAgeSeconds);
  }
}

const keyOf = (name: string, tenant: string): string => JSON.stringify([tenant, name]);

/** A wrong answer is a fault of the app: the client may have a good token. */
function parseAnswer(
  answer: unknown,
  name: string,
  { allowInsecureHttp, limitAnswer }: IssuerResolution,
): JwtAccessTokenOptions {
  let options: JwtAccessTokenOptions;
  try {
    options = limitAnswer(
      parseJwtAccessTokenOptions(
        answer,
        'resolveIssuer()',
        allowInsecureHttp,
        'undefined for an issuer that is not trusted',
      ),
    );
  } catch (cause) {
    throw unresolved(cause instanceof TypeError ? cause.message : 'resolveIssuer returned no options', cause);
  }
  if (options.issuer === name) return options;
  throw unresolved(
    'resolveIssuer returned the options of another issuer than the one it was asked for; return undefined for an unknown one',
  );
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function unresolved(advice: string, cause?: unknown): DpopUnavailableError {
  return new DpopUnavailableError('issuer_unavailable', { advice, cause });
}
