import type { AccessTokenClaims } from '../claims/access-token-claims.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import type { Clock } from '../runtime/clock.js';

/** A token that the issuer has called active. */
export interface IntrospectedToken {
  readonly claims: AccessTokenClaims;
  /** When the issuer was asked, not when it answered: the token may have been revoked since. */
  readonly askedAtMs: number;
  /** The size of the response. */
  readonly bytes: number;
  /** The generation of the keys that verified the signature. `undefined` if they changed, so that the token is not kept. */
  readonly generation: object | undefined;
}

/** The average limit per entry. */
const BYTES_PER_TOKEN = 4096;

/** Keeps tokens for a few seconds, and never beyond their `exp`. */
export class IntrospectionCache {
  readonly #tokens: BoundedCache<IntrospectedToken>;
  readonly #maxAgeMs: number;
  readonly #clock: Clock;

  constructor(cacheSeconds: number, maxTokens: number, clock: Clock) {
    this.#tokens = new BoundedCache({ maxEntries: maxTokens, maxBytes: maxTokens * BYTES_PER_TOKEN });
    this.#maxAgeMs = cacheSeconds * 1000;
    this.#clock = clock;
  }

  /** @param generation of the present keys; `undefined` while there are no fresh ones */
  get(ath: string, generation: object | undefined): IntrospectedToken | undefined {
    const token = this.#tokens.get(ath);
    if (token === undefined) return undefined;
    if (token.generation === generation && this.#isFresh(token)) return token;
    this.#tokens.delete(ath);
    return undefined;
  }

  set(ath: string, token: IntrospectedToken): void {
    if (this.#isFresh(token)) this.#tokens.set(ath, token, token.bytes);
  }

  /** A clock that is set back ends an entry. */
  #isFresh({ claims: { exp }, askedAtMs }: IntrospectedToken): boolean {
    const nowMs = this.#clock();
    const ageMs = nowMs - askedAtMs;
    return ageMs >= 0 && ageMs < this.#maxAgeMs && (exp === undefined || nowMs / 1000 < exp);
  }
}
