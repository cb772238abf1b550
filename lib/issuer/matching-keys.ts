import type { SignatureKey } from '../jws/signature.js';

/** How many signatures one token may cost us, however many keys of its issuer match. */
export const MAX_SIGNATURES_PER_TOKEN = 2;

/**
 * The keys of an issuer that match the header of a token. More than one match where the token names no `kid`. A forged
 * token must not cost a signature for each of them, so at most two are tried: first the key that verified the last
 * token, since an issuer signs with one key for a long time, then the one that was not tried for the longest time. So
 * the key of an issuer that sends no `kid` is found within a few requests, and known from then on.
 */
export class MatchingKeys {
  #keys: readonly SignatureKey[];
  #lastVerifying: SignatureKey | undefined;

  constructor(keys: readonly SignatureKey[]) {
    this.#keys = keys;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The keys to try for one token, in this order. */
  candidates(): readonly SignatureKey[] {
    return this.#keys.slice(0, MAX_SIGNATURES_PER_TOKEN);
  }

  /**
   * Takes note of an attempt.
   *
   * @param verifying the last of those that were tried, if it verified the token
   */
  settle(tried: readonly SignatureKey[], verifying: SignatureKey | undefined): void {
    if (verifying !== undefined) this.#lastVerifying = verifying;
    const allTried = verifying === undefined && tried.length === this.#keys.length;
    if (allTried || verifying === this.#keys[0]) return;
    const first = this.#lastVerifying;
    const behind = (wasTried: boolean) =>
      this.#keys.filter((key) => key !== first && tried.includes(key) === wasTried);
    this.#keys = [...(first === undefined ? [] : [first]), ...behind(false), ...behind(true)];
  }
}
