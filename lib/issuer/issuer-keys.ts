import { DpopUnavailableError } from '../errors/dpop.error.js';
import { OutboundError } from '../outbound/outbound-request.js';
import type { Clock } from '../runtime/clock.js';
import { IssuerKeySet } from './issuer-key-set.js';
import type { MetadataLocations } from './issuer-metadata.js';
import { DEFAULT_TOLERANCE_SECONDS, type JwtAccessTokenOptions } from './jwt-access-token-options.js';
import { KeySetSource } from './key-set-source.js';
import type { MatchingKeys } from './matching-keys.js';

/** The header parameters of a token that select its key. */
export interface KeyHint {
  /** One of the accepted algorithms. */
  readonly alg: string;
  readonly kid?: unknown;
}

/** The keys of one issuer. */
export interface IssuerKeys {
  /**
   * The keys that may have signed a token; `undefined` when the issuer has none.
   *
   * @param issuedAt the `iat` of the token, not verified yet
   * @throws DpopUnavailableError when the keys are unknown, for example during an outage of the issuer
   */
  find(hint: KeyHint, issuedAt?: unknown): Promise<MatchingKeys | undefined>;
  /** An object that changes when the keys rotate; `undefined` while there are no fresh keys. */
  generation(): object | undefined;
  /** Fetches the keys before the first token needs them. Never rejects; calls `warn` when something is wrong. */
  open(warn: (text: string) => void): Promise<void>;
  /** Aborts a running fetch. */
  close(): void;
}

/** For this long after a failed fetch, requests fail at once, without another fetch. */
const RETRY_AFTER_SECONDS = 1;
const DEFAULT_MAX_AGE_SECONDS = 600;
const DEFAULT_COOLDOWN_SECONDS = 30;

/** @param locationsOf of the metadata; default: those of an authorization server */
export function createIssuerKeys(
  options: JwtAccessTokenOptions,
  clock: Clock,
  locationsOf?: MetadataLocations,
): IssuerKeys {
  if (options.keys === undefined) return new RemoteIssuerKeys(options, clock, locationsOf);
  const keySet = new IssuerKeySet(options.issuer, options.keys);
  return {
    find: ({ alg, kid }) => keySet.find(alg, kid),
    generation: () => keySet,
    open: (warn) => Promise.resolve(keySet.warnOfKeysWithoutKid(warn)),
    close: () => undefined,
  };
}

/** The cause of a fetch. A fetch at start begins no cooldown, and no retry pause unless a token waited for it. */
type FetchCause = 'start' | 'token';

interface FetchedKeySet {
  readonly keySet: IssuerKeySet;
  /** When its fetch began. Keys that the issuer has published since may be missing. */
  readonly requestedAtMs: number;
  /** The number of its fetch, counted from 1. */
  readonly fetchNumber: number;
  readonly cause: FetchCause;
}

interface FailedFetch {
  readonly atMs: number;
  readonly advice: string;
  readonly startsPause: boolean;
}

/** Fetches and caches the keys of an issuer. Recovers from an outage of the issuer without a restart. */
class RemoteIssuerKeys implements IssuerKeys {
  #fetched: FetchedKeySet | undefined;
  #pending: Promise<FetchedKeySet> | undefined;
  #fetchCount = 0;
  /** Whether a token waits for the running fetch. */
  #isAwaited = false;
  #failure: FailedFetch | undefined;
  readonly #source: KeySetSource;
  readonly #maxAgeMs: number;
  readonly #cooldownMs: number;
  readonly #toleranceSeconds: number;

  constructor(
    private readonly options: JwtAccessTokenOptions,
    private readonly clock: Clock,
    locationsOf: MetadataLocations | undefined,
  ) {
    this.#maxAgeMs = 1000 * (options.keysMaxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS);
    this.#cooldownMs = 1000 * (options.keysCooldownSeconds ?? DEFAULT_COOLDOWN_SECONDS);
    this.#toleranceSeconds = options.clockToleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
    this.#source = new KeySetSource(options, locationsOf);
  }

  generation(): IssuerKeySet | undefined {
    return this.#fresh()?.keySet;
  }

  async find({ alg, kid }: KeyHint, issuedAt?: unknown): Promise<MatchingKeys | undefined> {
    const fetchCountBefore = this.#fetchCount;
    let fetched = this.#fresh() ?? (await this.#refetch('token'));
    for (;;) {
      const matching = await fetched.keySet.find(alg, kid);
      // A fetch that began after the token arrived has the key of every good token.
      if (matching !== undefined || fetched.fetchNumber > fetchCountBefore) return matching;
      const remainingMs = this.#remainingMs(fetched.requestedAtMs, this.#cooldownMs);
      if (fetched.cause === 'token' && remainingMs > 0) {
        if (!this.#mayBeNewer(issuedAt, fetched)) return undefined;
        throw unavailable(
          `a token of the issuer ${this.options.issuer} names a key that may be newer than the last fetch; the next fetch waits for keysCooldownSeconds`,
          Math.ceil(remainingMs / 1000),
        );
      }
      fetched = await this.#refetch('token');
    }
  }

  async open(warn: (text: string) => void): Promise<void> {
    try {
      const { keySet } = this.#fresh() ?? (await this.#refetch('start'));
      keySet.warnOfKeysWithoutKid(warn);
    } catch {
      if (this.#failure === undefined || this.#source.isClosed) return;
      warn(`${this.#failure.advice}; meanwhile, the service answers 503 to requests with its tokens`);
    }
  }

  close(): void {
    this.#source.close();
  }

  #fresh(): FetchedKeySet | undefined {
    const fetched = this.#fetched;
    return fetched !== undefined && this.#remainingMs(fetched.requestedAtMs, this.#maxAgeMs) > 0
      ? fetched
      : undefined;
  }

  /** The rest of a period. A clock that is set back ends the period. */
  #remainingMs(sinceMs: number, periodMs: number): number {
    const passedMs = this.clock() - sinceMs;
    return passedMs < 0 ? 0 : periodMs - passedMs;
  }

  /** Whether a token may have been issued after the fetch began, so that its key may be missing. */
  #mayBeNewer(issuedAt: unknown, { requestedAtMs }: FetchedKeySet): boolean {
    if (issuedAt === undefined) return true;
    if (typeof issuedAt !== 'number') return false;
    // A token from the future is invalid with any key. `iat` has no fraction of a second.
    const latestSeconds = this.clock() / 1000 + this.#toleranceSeconds;
    return issuedAt >= Math.floor(requestedAtMs / 1000) && issuedAt <= latestSeconds;
  }

  /** Concurrent callers share one fetch. */
  #refetch(cause: FetchCause): Promise<FetchedKeySet> {
    this.#isAwaited = cause === 'token' || (this.#isAwaited && this.#pending !== undefined);
    if (this.#pending !== undefined) return this.#pending;
    const failure = this.#failure;
    if (failure?.startsPause === true && this.#remainingMs(failure.atMs, RETRY_AFTER_SECONDS * 1000) > 0) {
      return Promise.reject(
        unavailable(`the last fetch failed less than ${RETRY_AFTER_SECONDS} s ago: ${failure.advice}`),
      );
    }
    const refetch = this.#fetch(cause).finally(() => (this.#pending = undefined));
    return (this.#pending = refetch);
  }

  async #fetch(fetchCause: FetchCause): Promise<FetchedKeySet> {
    const fetchNumber = (this.#fetchCount += 1);
    const requestedAtMs = this.clock();
    try {
      const keySet = await this.#source.fetch();
      // Equal keys keep their generation, so that verified tokens and imported keys stay cached.
      const former = this.#fetched?.keySet;
      const present = former?.equals(keySet) === true ? former : keySet;
      this.#failure = undefined;
      return (this.#fetched = { keySet: present, requestedAtMs, fetchNumber, cause: fetchCause });
    } catch (cause) {
      const advice = `the keys of the issuer ${this.options.issuer} cannot be fetched: ${cause instanceof OutboundError ? cause.message : 'the fetch failed'}`;
      this.#failure = { atMs: this.clock(), advice, startsPause: this.#isAwaited };
      throw unavailable(advice, RETRY_AFTER_SECONDS, cause);
    }
  }
}

function unavailable(advice: string, retryAfterSeconds = RETRY_AFTER_SECONDS, cause?: unknown): Error {
  return new DpopUnavailableError('issuer_unavailable', { advice, cause, retryAfterSeconds });
}
