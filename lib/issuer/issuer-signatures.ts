import { DpopError } from '../errors/dpop.error.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import type { CompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import type { Clock } from '../runtime/clock.js';
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.js';
import type { JwtAccessTokenOptions } from './jwt-access-token-options.js';
import type { MatchingKeys } from './matching-keys.js';

/** Verifies the signatures of one issuer: of its access tokens, and of other JWTs that it signs. */
export class IssuerSignatures {
  readonly #issuer: string;
  readonly #keys: IssuerKeys;
  readonly #algorithms: readonly string[];
  #warn: (text: string) => void = () => undefined;
  readonly #warnedAbout = new WeakSet<MatchingKeys>();

  constructor(options: JwtAccessTokenOptions, clock: Clock) {
    this.#issuer = options.issuer;
    this.#keys = createIssuerKeys(options, clock);
    this.#algorithms = options.algorithms ?? DEFAULT_ALGORITHMS;
  }

  /** Fetches the keys of the issuer. Never rejects. */
  async open(warn: (text: string) => void): Promise<void> {
    this.#warn = warn;
    await this.#keys.open(warn);
  }

  close(): void {
    this.#keys.close();
  }

  /** See `IssuerKeys.generation`. */
  keyGeneration(): object | undefined {
    return this.#keys.generation();
  }

  /**
   * @param header of the JWS, parsed
   * @param issuedAt the `iat` of the JWS, not verified yet
   * @throws DpopError `token_invalid`; DpopUnavailableError when the keys are unknown
   */
  async assertSigned(jws: CompactJws, { alg, kid, crit }: JsonObject, issuedAt: unknown): Promise<void> {
    if (typeof alg !== 'string' || !this.#algorithms.includes(alg)) {
      throw new DpopError('token_invalid', { detail: 'alg', expected: this.#algorithms });
    }
    // The library supports no JWS extension, so none may be critical (RFC 7515 §4.1.11).
    if (crit !== undefined) throw new DpopError('token_invalid', { detail: 'crit' });
    const matching = await this.#keys.find({ alg, kid }, issuedAt);
    if (matching === undefined) {
      throw new DpopError('token_invalid', { detail: kid === undefined ? 'key' : 'kid' });
    }
    // All matching keys are degenerate or too small.
    if (matching.size === 0) throw new DpopError('token_invalid', { detail: 'key' });
    if (await matching.isSigned(jws)) return;
    // Without `kid` (RFC 7515 §4.1.4), a key that was not tried may have signed the token.
    const hasUntriedKeys = matching.size > matching.candidates().length;
    if (hasUntriedKeys) this.#warnOfMissingKid(matching, alg);
    throw new DpopError('token_invalid', { detail: hasUntriedKeys ? 'kid' : 'signature' });
  }

  /** Warns once for each key set. */
  #warnOfMissingKid(matching: MatchingKeys, alg: string): void {
    if (this.#warnedAbout.has(matching)) return;
    this.#warnedAbout.add(matching);
    this.#warn(
      `the service refused a token without kid: it tries two of the ${matching.size} ${alg} keys of the issuer ${this.#issuer}, and neither verified it. If such tokens are good, configure the issuer to send kid, or list fewer keys`,
    );
  }
}
