import { type AccessTokenClaims, freezeClaims } from '../claims/access-token-claims.js';
import { attachRights } from '../claims/attached-rights.js';
import { readStandardRights, type RightsReader } from '../claims/token-rights.js';
import { DpopError } from '../errors/dpop.error.js';
import { createIssuerKeys, type IssuerKeys } from '../issuer/issuer-keys.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { MatchingKeys } from '../issuer/matching-keys.js';
import type { TokenAdviser } from '../issuer/token-adviser.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import type { CompactJws } from '../jws/compact-jws.js';
import type { JsonObject } from '../jws/json-object.js';
import { parseJsonSegment } from '../jws/json-segment.js';
import type { Clock } from '../runtime/clock.js';
import { AccessTokenVerifier } from './access-token.verifier.js';
import {
  assertIssuerAndAudience,
  assertRequiredClaims,
  assertTimes,
  assertType,
  createJwtRules,
  type JwtRules,
} from './jwt-checks.js';
import { type PresentedJwt, readPresentedJwt } from './presented-jwt.js';

/**
 * Verifies the JWT access tokens of one issuer: signature, type, issuer, audience, times.
 *
 * @see RFC 9068 §4, RFC 8725
 */
export class JwtAccessTokenVerifier extends AccessTokenVerifier {
  readonly issuer: string;
  readonly toleranceSeconds: number;
  /** Explains refused tokens to the operator. */
  readonly adviser: TokenAdviser | undefined;
  readonly #keys: IssuerKeys;
  readonly #algorithms: readonly string[];
  readonly #rules: JwtRules;
  readonly #readRights: RightsReader;
  readonly #clock: Clock;
  #warn: (text: string) => void = () => undefined;
  readonly #warnedAbout = new WeakSet<MatchingKeys>();

  constructor(options: JwtAccessTokenOptions, clock: Clock) {
    super();
    this.#rules = createJwtRules(options);
    this.issuer = options.issuer;
    this.adviser = options.advise;
    this.toleranceSeconds = this.#rules.toleranceSeconds;
    this.#keys = createIssuerKeys(options, clock);
    this.#algorithms = options.algorithms ?? DEFAULT_ALGORITHMS;
    this.#readRights = options.readRights ?? readStandardRights;
    this.#clock = clock;
  }

  /** Fetches the keys of the issuer. Never rejects. */
  override async open(warn: (text: string) => void): Promise<void> {
    this.#warn = warn;
    await this.#keys.open(warn);
  }

  override close(): void {
    this.#keys.close();
  }

  /** See `IssuerKeys.generation`. */
  keyGeneration(): object | undefined {
    return this.#keys.generation();
  }

  override verify(token: string): Promise<AccessTokenClaims> {
    return this.verifyJwt(readPresentedJwt(token));
  }

  /** Like `verify`, for a token that is already parsed. */
  async verifyJwt({ jws, claims }: PresentedJwt): Promise<AccessTokenClaims> {
    if (jws === undefined) throw new DpopError('token_invalid', { detail: 'segments' });
    const header = parseJsonSegment(jws.header);
    if (header === undefined) throw new DpopError('token_invalid', { detail: 'header' });
    if (claims === undefined) throw new DpopError('token_invalid', { detail: 'payload' });
    await this.#assertSigned(jws, header, claims['iat']);
    assertType(header['typ'], this.#rules);
    assertIssuerAndAudience(claims, this.#rules);
    assertTimes(claims, this.#rules, this.#clock() / 1000);
    assertRequiredClaims(claims, this.#rules);
    return freezeClaims(attachRights(claims, this.#readRights));
  }

  async #assertSigned(jws: CompactJws, { alg, kid, crit }: JsonObject, issuedAt: unknown): Promise<void> {
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
      `the service refused a token without kid: it tries two of the ${matching.size} ${alg} keys of the issuer ${this.issuer}, and neither verified it. If such tokens are good, configure the issuer to send kid, or list fewer keys`,
    );
  }
}
