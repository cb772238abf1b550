import { type AccessTokenClaims, freezeClaims } from '../claims/access-token-claims.js';
import { attachRights } from '../claims/attached-rights.js';
import { readStandardRights, type RightsReader } from '../claims/token-rights.js';
import { DpopError } from '../errors/dpop.error.js';
import { IssuerSignatures } from '../issuer/issuer-signatures.js';
import type { JwtAccessTokenOptions } from '../issuer/jwt-access-token-options.js';
import type { TokenAdviser } from '../issuer/token-adviser.js';
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
  override readonly issuer: string;
  readonly toleranceSeconds: number;
  /** Explains refused tokens to the operator. */
  readonly adviser: TokenAdviser | undefined;
  readonly #signatures: IssuerSignatures;
  readonly #rules: JwtRules;
  readonly #readRights: RightsReader;
  readonly #clock: Clock;

  constructor(
    options: JwtAccessTokenOptions,
    clock: Clock,
    signatures: IssuerSignatures = new IssuerSignatures(options, clock),
  ) {
    super();
    this.#rules = createJwtRules(options);
    this.issuer = options.issuer;
    this.adviser = options.advise;
    this.toleranceSeconds = this.#rules.toleranceSeconds;
    this.#signatures = signatures;
    this.#readRights = options.readRights ?? readStandardRights;
    this.#clock = clock;
  }

  /** Fetches the keys of the issuer. Never rejects. */
  override async open(warn: (text: string) => void): Promise<void> {
    await this.#signatures.open(warn);
  }

  override close(): void {
    this.#signatures.close();
  }

  /** See `IssuerKeys.generation`. */
  keyGeneration(): object | undefined {
    return this.#signatures.keyGeneration();
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
    await this.#signatures.assertSigned(jws, header, claims['iat']);
    assertType(header['typ'], this.#rules);
    assertIssuerAndAudience(claims, this.#rules);
    assertTimes(claims, this.#rules, this.#clock() / 1000);
    assertRequiredClaims(claims, this.#rules);
    return freezeClaims(attachRights(claims, this.#readRights));
  }
}
