import type { CompactJws } from '../jws/compact-jws.js';
import { isSignedBy, type SignatureKey } from '../jws/signature.js';
import { signatureTurn } from '../runtime/signature-turns.js';

/** The maximum of signatures that the service verifies for one token. */
export const MAX_SIGNATURES_PER_TOKEN = 2;

/**
 * The keys of an issuer that match the header of a token. Several keys match a token without `kid`. A forged token must
 * not cost one verification for each of them, so that the service tries at most two: first the key that verified the
 * last token, because an issuer uses one key for a long time; then the key that it has not tried for the longest time.
 * For an issuer that sends no `kid`, the service finds the right key within a few requests.
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

  /** Whether one of the keys to try verifies the signature. */
  async isSigned(jws: CompactJws): Promise<boolean> {
    const tried: SignatureKey[] = [];
    for (const key of this.candidates()) {
      await signatureTurn();
      tried.push(key);
      if (!isSignedBy(jws, key)) continue;
      this.settle(tried, key);
      return true;
    }
    this.settle(tried, undefined);
    return false;
  }

  /** The keys to try for one token, in order. */
  candidates(): readonly SignatureKey[] {
    return this.#keys.slice(0, MAX_SIGNATURES_PER_TOKEN);
  }

  /**
   * Reorders the keys after an attempt.
   *
   * @param tried the keys that were tried
   * @param verifying the key that verified the token, if one did
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
