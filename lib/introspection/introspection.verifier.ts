import { AccessTokenVerifier, type VerifierAcceptance } from '../access-token/access-token.verifier.js';
import { createJwtRules } from '../access-token/jwt-checks.js';
import { JwtAccessTokenVerifier } from '../access-token/jwt-access-token.verifier.js';
import { describeRefused } from '../access-token/presented-jwt.js';
import { type AccessTokenClaims, freezeClaims } from '../claims/access-token-claims.js';
import { attachRights } from '../claims/attached-rights.js';
import { readStandardRights } from '../claims/token-rights.js';
import type { RefusalReason } from '../errors/catalogue.js';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { IssuerSignatures } from '../issuer/issuer-signatures.js';
import { DEFAULT_TOLERANCE_SECONDS } from '../issuer/jwt-access-token-options.js';
import { DEFAULT_ALGORITHMS } from '../jws/algorithms.js';
import { OutboundError } from '../outbound/outbound-request.js';
import { type IntrospectionRules, readIntrospectedClaims } from './introspected-claims.js';
import { type IntrospectedToken, IntrospectionCache } from './introspection-cache.js';
import { IntrospectionEndpoint, type IntrospectionReply } from './introspection-endpoint.js';
import type { ParsedIntrospection } from './introspection-option-parser.js';
import { PAUSE_SECONDS, RequestPause } from './request-pause.js';
import { ResponseReader } from './response-reader.js';

const UNSIGNED = Object.freeze({});

function acceptanceOf(options: ParsedIntrospection): VerifierAcceptance {
  const { accessToken, verifySignature, signedResponses, insecureOptions } = options;
  const { algorithms = DEFAULT_ALGORITHMS, clockToleranceSeconds = DEFAULT_TOLERANCE_SECONDS } = accessToken;
  return Object.freeze({
    ...((verifySignature || signedResponses) && { algorithms }),
    clockToleranceSeconds,
    insecureOptions,
  });
}

/**
 * Verifies the access tokens of one issuer by asking it about each (RFC 7662). Equal tokens in flight share one request.
 * The cache has tokens of accepted requests only.
 */
export class IntrospectionVerifier extends AccessTokenVerifier {
  override readonly issuer: string;
  override readonly takesOpaqueTokens: boolean;
  override readonly accepts: VerifierAcceptance;
  readonly #options: ParsedIntrospection;
  readonly #rules: IntrospectionRules;
  readonly #endpoint: IntrospectionEndpoint;
  readonly #pause: RequestPause;
  readonly #signatures: IssuerSignatures;
  readonly #reader: ResponseReader;
  /** For tokens whose signature is verified as well. */
  readonly #jwts: JwtAccessTokenVerifier | undefined;
  readonly #cache: IntrospectionCache;
  readonly #inFlight = new Map<string, Promise<IntrospectedToken>>();
  /** For requests that are still being verified. */
  readonly #introspected = new WeakMap<AccessTokenClaims, IntrospectedToken>();

  constructor(options: ParsedIntrospection) {
    super();
    const { accessToken, clock, absentAudience, cacheSeconds, maxCachedTokens, verifySignature } = options;
    this.#options = options;
    this.issuer = accessToken.issuer;
    this.takesOpaqueTokens = options.opaqueTokens;
    this.accepts = acceptanceOf(options);
    this.#rules = { ...createJwtRules(accessToken), acceptsAbsentAudience: absentAudience === 'accept' };
    this.#endpoint = new IntrospectionEndpoint(options);
    this.#pause = new RequestPause(clock);
    this.#signatures = new IssuerSignatures(accessToken, clock);
    this.#reader = new ResponseReader(options, this.#signatures);
    this.#jwts = verifySignature
      ? new JwtAccessTokenVerifier(accessToken, clock, this.#signatures)
      : undefined;
    this.#cache = new IntrospectionCache(cacheSeconds, maxCachedTokens, clock);
  }

  /** Finds the endpoint and the keys before the first token needs them. Never rejects. */
  override async open(warn: (text: string) => void): Promise<void> {
    const { signedResponses, verifySignature } = this.#options;
    await Promise.all([
      this.#openEndpoint(warn),
      signedResponses || verifySignature ? this.#signatures.open(warn) : undefined,
    ]);
  }

  override close(): void {
    this.#endpoint.close();
    this.#signatures.close();
  }

  override async verify(token: string, ath: string): Promise<AccessTokenClaims> {
    const known = this.#cache.get(ath, this.#generation());
    if (known !== undefined) return known.claims;
    const introspected = await this.#introspectOnce(token, ath);
    this.#introspected.set(introspected.claims, introspected);
    return introspected.claims;
  }

  override remember(_token: string, ath: string, claims: AccessTokenClaims): void {
    const introspected = this.#introspected.get(claims);
    if (introspected === undefined) return;
    this.#introspected.delete(claims);
    // If the keys rotated meanwhile, the issuer may have revoked the key that verified this token.
    const { generation } = introspected;
    if (generation !== undefined && generation === this.#generation()) this.#cache.set(ath, introspected);
  }

  override advise(token: string, reason: RefusalReason): string | undefined {
    const { advise, issuer } = this.#options.accessToken;
    return advise?.(describeRefused(token, reason), issuer);
  }

  async #openEndpoint(warn: (text: string) => void): Promise<void> {
    try {
      await this.#endpoint.open();
    } catch (error) {
      if (this.#endpoint.isClosed) return;
      warn(
        `${this.#adviceFor(error)}; meanwhile, the service answers 503 to requests with tokens of the issuer`,
      );
    }
  }

  /** A failure is shared by those who wait for it, and by no later request. */
  #introspectOnce(token: string, ath: string): Promise<IntrospectedToken> {
    let introspection = this.#inFlight.get(ath);
    if (introspection === undefined) {
      introspection = this.#introspect(token).finally(() => this.#inFlight.delete(ath));
      this.#inFlight.set(ath, introspection);
    }
    return introspection;
  }

  async #introspect(token: string): Promise<IntrospectedToken> {
    const { accessToken, clock } = this.#options;
    const generation = this.#generation();
    const signed = await this.#jwts?.verify(token);
    const askedAtMs = clock();
    try {
      const reply = await this.#pause.send(() => this.#endpoint.ask(token));
      const claims = await this.#read(reply, signed);
      const frozen = freezeClaims(attachRights(claims, accessToken.readRights ?? readStandardRights));
      return { claims: frozen, askedAtMs, bytes: reply.body.length + token.length, generation };
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      throw new DpopUnavailableError('issuer_unavailable', {
        advice: this.#adviceFor(error),
        cause: error,
        retryAfterSeconds: PAUSE_SECONDS,
      });
    }
  }

  async #read(reply: IntrospectionReply, signed: AccessTokenClaims | undefined): Promise<AccessTokenClaims> {
    try {
      const response = await this.#reader.read(reply);
      return readIntrospectedClaims(response, this.#rules, this.#options.clock() / 1000, signed);
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      throw new OutboundError(`${reply.endpoint}: ${error.message}`, { cause: error });
    }
  }

  /** See `IssuerKeys.generation`. Without signatures it never changes. */
  #generation(): object | undefined {
    return this.#jwts === undefined ? UNSIGNED : this.#jwts.keyGeneration();
  }

  #adviceFor(error: unknown): string {
    const problem = error instanceof OutboundError ? error.message : 'the request failed';
    return `the introspection endpoint of the issuer ${this.issuer} cannot be used: ${problem}`;
  }
}
