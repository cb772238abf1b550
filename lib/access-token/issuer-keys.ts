import {
  createLocalJWKSet,
  createRemoteJWKSet,
  type CryptoKey,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  jwksCache,
  type JWTHeaderParameters,
  type JWTVerifyGetKey,
} from 'jose';
import type { Clock } from '../clock.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isSecureBaseUrl } from '../http/base-url.js';
import { discoverJwksUri } from './issuer-metadata.js';
import type { JwtAccessTokenOptions } from './jwt-access-token.options.js';

/** The keys of one issuer. */
export interface IssuerKeys {
  /** Finds the key of a token; throws DpopUnavailableError when that cannot be told, for example in an outage. */
  readonly find: JWTVerifyGetKey;
  /** Changes with each turn of the key set; `undefined` while there are no fresh keys. */
  generation(): object | undefined;
}

type RemoteKeySet = ReturnType<typeof createRemoteJWKSet>;

/** After a failed fetch nobody is made to wait for another one for this long. */
const RETRY_AFTER_SECONDS = 1;
const DEFAULT_MAX_AGE_SECONDS = 600;
const DEFAULT_COOLDOWN_SECONDS = 30;
const DEFAULT_TIMEOUT_MS = 5000;

export function createIssuerKeys(options: JwtAccessTokenOptions, clock: Clock): IssuerKeys {
  if (options.keys === undefined) return new RemoteIssuerKeys(options, clock);
  const generation = options.keys;
  const findAtHand = createLocalJWKSet(generation);
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await findAtHand(header, token);
    } catch (cause) {
      if (isAboutToken(cause)) throw cause;
      throw unavailable(`a key among those given for the issuer ${options.issuer} cannot be used`, cause);
    }
  };
  return { find, generation: () => generation };
}

/** Fetches, keeps and renews the keys of an issuer. An outage is told from a bad token, and ends by itself. */
class RemoteIssuerKeys implements IssuerKeys {
  #keySet: Promise<RemoteKeySet> | undefined;
  #present: RemoteKeySet | undefined;
  /** Filled by jose with each turn; `jwks()` of its key set is a new copy at each call and tells no turn. */
  #fetched: { readonly jwks?: JSONWebKeySet } = {};
  #failedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: JwtAccessTokenOptions,
    private readonly clock: Clock,
  ) {}

  generation(): JSONWebKeySet | undefined {
    return this.#present?.fresh === true ? this.#fetched.jwks : undefined;
  }

  find: JWTVerifyGetKey = async (header, token) => {
    if (this.#hasJustFailed()) return await this.#findAtHand(header, token);
    try {
      const keySet = await (this.#keySet ??= this.#locate());
      this.#present = keySet;
      return await keySet(header, token);
    } catch (cause) {
      if (isAboutToken(cause)) throw cause;
      this.#failedAtMs = this.clock();
      // The next attempt looks for the keys anew: the issuer may have moved them.
      if (this.generation() === undefined) this.#keySet = undefined;
      throw unavailable(`the keys of the issuer ${this.options.issuer} cannot be fetched`, cause);
    }
  };

  #hasJustFailed(): boolean {
    const sinceMs = this.clock() - this.#failedAtMs;
    return sinceMs >= 0 && sinceMs < RETRY_AFTER_SECONDS * 1000;
  }

  /** Without a fetch: a key that is not among the fresh ones may be new, and its token good. */
  async #findAtHand(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const fresh = this.generation();
    try {
      if (fresh !== undefined) return await createLocalJWKSet(fresh)(header, token);
    } catch (cause) {
      if (codeOf(cause) !== 'ERR_JWKS_NO_MATCHING_KEY') throw cause;
    }
    throw unavailable('the last attempt to fetch the keys of the issuer has just failed');
  }

  async #locate(): Promise<RemoteKeySet> {
    const { issuer, jwksUri, fetchTimeoutMs = DEFAULT_TIMEOUT_MS } = this.options;
    const location = jwksUri ?? (await discoverJwksUri(issuer, AbortSignal.timeout(fetchTimeoutMs)));
    // The issuer's word is trusted for https only, as the issuer's own URL is.
    if (isSecureUrl(issuer) && !isSecureUrl(location)) {
      throw new Error(`the issuer ${issuer} names a jwks_uri that is not https`);
    }
    const fetched = {};
    this.#fetched = fetched;
    return createRemoteJWKSet(new URL(location), {
      [jwksCache]: fetched,
      timeoutDuration: fetchTimeoutMs,
      cacheMaxAge: (this.options.keysMaxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS) * 1000,
      cooldownDuration: (this.options.keysCooldownSeconds ?? DEFAULT_COOLDOWN_SECONDS) * 1000,
    });
  }
}

/** A scheme may be written in capitals, also in an issuer that must be kept as it is. */
function isSecureUrl(url: string): boolean {
  return isSecureBaseUrl(new URL(url).href);
}

/** jose's verdicts about the token itself; everything else means that the keys could not be had. */
export function isAboutToken(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'ERR_JWKS_NO_MATCHING_KEY' ||
    code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' ||
    code === 'ERR_JOSE_NOT_SUPPORTED'
  );
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function unavailable(advice: string, cause?: unknown): DpopUnavailableError {
  return new DpopUnavailableError('issuer_unavailable', {
    advice,
    cause,
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
