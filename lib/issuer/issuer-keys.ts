import { DpopUnavailableError } from '../errors/dpop.error.js';
import { isTrustedUrl } from '../http/base-url.js';
import type { Clock } from '../runtime/clock.js';
import { fetchJson, inTime, IssuerDocumentError } from './fetch-json.js';
import { IssuerKeySet } from './issuer-key-set.js';
import { discoverJwksUri } from './issuer-metadata.js';
import { DEFAULT_TOLERANCE_SECONDS, type JwtAccessTokenOptions } from './jwt-access-token-options.js';
import type { MatchingKeys } from './matching-keys.js';

/** What tells the key of a token. */
export interface KeyHint {
  /** One of the accepted algorithms. */
  readonly alg: string;
  readonly kid?: unknown;
}

/** The keys of one issuer. */
export interface IssuerKeys {
  /**
   * The keys that may have signed a token; `undefined` when the issuer has none such.
   *
   * @param issuedAt the `iat` of the token, not yet to be believed
   * @throws DpopUnavailableError when that cannot be told, for example in an outage
   */
  find(hint: KeyHint, issuedAt?: unknown): Promise<MatchingKeys | undefined>;
  /** Changes when the keys change; `undefined` while there are no fresh keys. */
  generation(): object | undefined;
  /** Looks for the keys before the first token needs them. Never rejects; `warn` is told what is wrong. */
  open(warn: (text: string) => void): Promise<void>;
  /** Ends the fetch that is under way. */
  close(): void;
}

/** After a failed fetch no request waits for another one for this long. */
const RETRY_AFTER_SECONDS = 1;
const DEFAULT_MAX_AGE_SECONDS = 600;
const DEFAULT_COOLDOWN_SECONDS = 30;
const DEFAULT_TIMEOUT_MS = 5000;

export function createIssuerKeys(options: JwtAccessTokenOptions, clock: Clock): IssuerKeys {
  if (options.keys === undefined) return new RemoteIssuerKeys(options, clock);
  const keySet = new IssuerKeySet(options.issuer, options.keys);
  return {
    find: ({ alg, kid }) => keySet.find(alg, kid),
    generation: () => keySet,
    open: (warn) => Promise.resolve(keySet.warnOfKeysWithoutKid(warn)),
    close: () => undefined,
  };
}

/** What a fetch was made for. The look at start begins no cooldown, and no pause unless a token waited for it. */
type Occasion = 'start' | 'token';

interface FetchedKeySet {
  readonly keySet: IssuerKeySet;
  /** When its fetch began: what the issuer has published since may be missing. */
  readonly askedAtMs: number;
  /** The number of its fetch. */
  readonly fetch: number;
  readonly occasion: Occasion;
}

interface FailedFetch {
  readonly atMs: number;
  /** In words of ours. */
  readonly advice: string;
  readonly pauses: boolean;
}

/** Fetches, keeps and renews the keys of an issuer. An outage is told from a bad token, and ends by itself. */
class RemoteIssuerKeys implements IssuerKeys {
  #fetched: FetchedKeySet | undefined;
  #pending: Promise<FetchedKeySet> | undefined;
  #fetches = 0;
  /** Whether a token waits for the fetch that is under way. */
  #isAwaited = false;
  #failure: FailedFetch | undefined;
  /** The `jwks_uri`, once it is known. */
  #location: URL | undefined;
  readonly #stop = new AbortController();
  readonly #maxAgeMs: number;
  readonly #cooldownMs: number;
  readonly #toleranceSeconds: number;
  readonly #timeoutMs: number;

  constructor(
    private readonly options: JwtAccessTokenOptions,
    private readonly clock: Clock,
  ) {
    this.#maxAgeMs = 1000 * (options.keysMaxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS);
    this.#cooldownMs = 1000 * (options.keysCooldownSeconds ?? DEFAULT_COOLDOWN_SECONDS);
    this.#toleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
    this.#timeoutMs = options.fetchTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  generation(): IssuerKeySet | undefined {
    return this.#fresh()?.keySet;
  }

  async find({ alg, kid }: KeyHint, issuedAt?: unknown): Promise<MatchingKeys | undefined> {
    const fetchesBefore = this.#fetches;
    let fetched = this.#fresh() ?? (await this.#renew('token'));
    for (;;) {
      const matching = await fetched.keySet.find(alg, kid);
      // Keys that were asked for after the token came hold the key of every good token.
      if (matching !== undefined || fetched.fetch > fetchesBefore) return matching;
      const restMs = this.#restMs(fetched.askedAtMs, this.#cooldownMs);
      if (fetched.occasion === 'token' && restMs > 0) {
        if (!this.#isNewer(issuedAt, fetched)) return undefined;
        throw unavailable(
          `a token of the issuer ${this.options.issuer} names a key that may be newer than the last fetch, and keysCooldownSeconds defers the next one`,
          Math.ceil(restMs / 1000),
        );
      }
      fetched = await this.#renew('token');
    }
  }

  async open(warn: (text: string) => void): Promise<void> {
    try {
      const { keySet } = this.#fresh() ?? (await this.#renew('start'));
      keySet.warnOfKeysWithoutKid(warn);
    } catch {
      if (this.#failure === undefined || this.#stop.signal.aborted) return;
      warn(`${this.#failure.advice}; until then, requests with its tokens are answered with 503`);
    }
  }

  close(): void {
    this.#stop.abort();
  }

  #fresh(): FetchedKeySet | undefined {
    const fetched = this.#fetched;
    return fetched !== undefined && this.#restMs(fetched.askedAtMs, this.#maxAgeMs) > 0 ? fetched : undefined;
  }

  /** What is left of a period. A clock that was set back ends it. */
  #restMs(sinceMs: number, periodMs: number): number {
    const passedMs = this.clock() - sinceMs;
    return passedMs < 0 ? 0 : periodMs - passedMs;
  }

  /** Whether a token may have been issued after the keys were asked for, and be signed by a key that is not here. */
  #isNewer(issuedAt: unknown, { askedAtMs }: FetchedKeySet): boolean {
    if (issuedAt === undefined) return true;
    if (typeof issuedAt !== 'number') return false;
    // A token from the future is not valid, whatever key signed it. Issuers drop fractions of a second.
    const latestSeconds = this.clock() / 1000 + this.#toleranceSeconds;
    return issuedAt >= Math.floor(askedAtMs / 1000) && issuedAt <= latestSeconds;
  }

  /** One fetch at a time, for all who wait. */
  #renew(occasion: Occasion): Promise<FetchedKeySet> {
    this.#isAwaited = occasion === 'token' || (this.#isAwaited && this.#pending !== undefined);
    if (this.#pending !== undefined) return this.#pending;
    const failure = this.#failure;
    if (failure?.pauses === true && this.#restMs(failure.atMs, RETRY_AFTER_SECONDS * 1000) > 0) {
      return Promise.reject(unavailable(`the last attempt has just failed: ${failure.advice}`));
    }
    const renewal = this.#fetch(occasion).finally(() => (this.#pending = undefined));
    return (this.#pending = renewal);
  }

  async #fetch(occasion: Occasion): Promise<FetchedKeySet> {
    const fetch = (this.#fetches += 1);
    const askedAtMs = this.clock();
    try {
      this.#location ??= await this.#locate();
      const keySet = await this.#fetchKeySet(this.#location);
      // Equal keys are of one generation: what was verified with them stays known, what was imported stays imported.
      const former = this.#fetched?.keySet;
      const present = former?.equals(keySet) === true ? former : keySet;
      this.#failure = undefined;
      return (this.#fetched = { keySet: present, askedAtMs, fetch, occasion });
    } catch (cause) {
      // The next attempt looks for the keys anew: the issuer may have moved them.
      this.#location = undefined;
      const advice = `the keys of the issuer ${this.options.issuer} cannot be fetched: ${cause instanceof IssuerDocumentError ? cause.message : 'the fetch broke down'}`;
      this.#failure = { atMs: this.clock(), advice, pauses: this.#isAwaited };
      throw unavailable(advice, RETRY_AFTER_SECONDS, cause);
    }
  }

  async #locate(): Promise<URL> {
    const { issuer, jwksUri } = this.options;
    if (jwksUri !== undefined) return new URL(jwksUri);
    const location = await inTime(this.#timeoutMs, this.#stop.signal, (signal) =>
      discoverJwksUri(issuer, signal),
    );
    // The word of an issuer is trusted as far as the way to it: a secure one may not lead to plain http.
    if (!isTrustedUrl(location, !isTrustedUrl(issuer, false))) {
      throw new IssuerDocumentError(
        `the issuer ${issuer} names a jwks_uri that is not https; correct its metadata, or set jwksUri`,
      );
    }
    return new URL(location);
  }

  async #fetchKeySet(location: URL): Promise<IssuerKeySet> {
    try {
      const document = await inTime(this.#timeoutMs, this.#stop.signal, (signal) =>
        fetchJson(location, signal),
      );
      return new IssuerKeySet(this.options.issuer, document);
    } catch (error) {
      if (!(error instanceof IssuerDocumentError)) throw error;
      throw new IssuerDocumentError(`${location.origin}${location.pathname}: ${error.message}`, {
        cause: error,
      });
    }
  }
}

function unavailable(advice: string, retryAfterSeconds = RETRY_AFTER_SECONDS, cause?: unknown): Error {
  return new DpopUnavailableError('issuer_unavailable', { advice, cause, retryAfterSeconds });
}
