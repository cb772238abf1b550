import { hash } from 'node:crypto';
import { assertClaims, boundThumbprint } from '../access-token/bound-claims.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { type Credentials, parseCredentials } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import type { NameRoute } from '../http/place.js';
import { assertRoutedAsCompared, parseRequestPath } from '../http/request-path.js';
import { detachSegment } from '../jws/compact-jws.js';
import type { AcceptedNonce } from '../nonce/nonce.service.js';
import { parseCompactProof } from '../proof/compact-proof.js';
import { assertAth, assertFreshness, assertHtm, assertHtu, refusedAfterWait } from '../proof/proof-checks.js';
import { type ProofClaims, parseProofClaims } from '../proof/proof-claims.js';
import { parseProofHeader } from '../proof/proof-header.js';
import { importProofKey, type ProofKey, assertProofSignature } from '../proof/proof-key.js';
import type { BoundedCache } from '../runtime/bounded-cache.js';
import { signatureTurn } from '../runtime/signature-turns.js';
import { claimId } from '../storage/claim-id.js';
import type { ReplayClaim } from '../storage/replay.store.js';
import { isReplayOutage } from '../storage/timed-replay.store.js';
import { RequestDecisions } from '../telemetry/decisions.js';
import { assertPolicy, lacksNonce } from './policy-checks.js';
import type { DpopPolicy } from './policy.js';
import type { Possession, SpentProof } from './possession.js';
import { createVerdict, type DpopVerdict } from './verdict.js';
import type { DpopVerifierParts } from './verifier-parts.js';

/** Longer than any request should take; beyond it the token is looked at again. */
const LONG_REQUEST_SECONDS = 60;

/**
 * One request under examination. Guards that are bound globally, to a class and to a method, and the resolvers of one
 * GraphQL operation, ask about the same request several times: each asks with the policy of its own route, while the
 * proof is verified and spent once.
 */
export class DpopExamination {
  readonly #request: DpopRequest;
  readonly #parts: DpopVerifierParts;
  readonly #knownKeys: BoundedCache<ProofKey>;
  readonly #decisions: RequestDecisions;
  readonly #openedSeconds: number;
  #possession: Promise<Possession> | undefined;
  #looked: Promise<void> | undefined;
  #recorded: Promise<unknown> | undefined;
  /** The failure of the replay store in spite of which this request passes. */
  passedOver: DpopUnavailableError | undefined;

  constructor(request: DpopRequest, parts: DpopVerifierParts, knownKeys: BoundedCache<ProofKey>) {
    this.#request = request;
    this.#parts = parts;
    this.#knownKeys = knownKeys;
    this.#openedSeconds = this.#nowSeconds();
    this.#decisions = new RequestDecisions(request.method);
  }

  /**
   * The verdict, if this policy lets the request through. The order is cheap before dear, and nothing that an outsider
   * can make dear: without a valid bound token no signature of a proof is computed and nothing is remembered.
   *
   * @param nameRoute for the decision channel; asked for only while somebody listens
   * @throws DpopError, DpopUnavailableError
   */
  async admit(policy: DpopPolicy, nameRoute?: NameRoute): Promise<DpopVerdict> {
    let verdict: DpopVerdict | undefined;
    try {
      const credentials = this.#readCredentials(policy); //                               1 shape
      this.#possession ??= this.#verifyPossession(credentials); //                        2 to 6
      const possession = await this.#possession;
      verdict = possession.verdict;
      if (lacksNonce(verdict, policy))
        await (this.#looked ??= this.#parts.replayStore.refreshEpoch?.(verdict.jkt ?? ''));
      this.#assertPolicy(verdict, policy);
      const outcome = await (this.#recorded ??= this.#record(possession)); //              7 replay
      this.#assertFirst(outcome, verdict.jkt);
      this.#decisions.accepted(verdict, this.passedOver, nameRoute);
      return verdict;
    } catch (thrown) {
      const error = toDpopError(thrown);
      this.#decisions.rejected(error, verdict, nameRoute);
      throw error;
    }
  }

  #readCredentials(policy: DpopPolicy): Credentials {
    const credentials = parseCredentials(this.#request.rawHeaders, this.#parts.config.limits);
    if (credentials.scheme === 'Bearer' && policy.bearer !== 'allow-unbound') {
      throw new DpopError('bearer_not_accepted');
    }
    if (credentials.scheme === 'DPoP' && credentials.proof === undefined)
      throw new DpopError('proof_missing');
    return credentials;
  }

  async #verifyPossession({ scheme, token, proof }: Credentials): Promise<Possession> {
    const ath = hash('sha256', token, 'base64url');
    const accessToken = await this.#parts.accessTokens.verify(token, ath); //             2 access token
    assertClaims(accessToken);
    const rememberToken = () => this.#parts.accessTokens.remember?.(token, ath, accessToken);
    if (scheme === 'Bearer' || proof === undefined) {
      if (accessToken.cnf !== undefined) throw new DpopError('bound_token_as_bearer');
      return { verdict: createVerdict(scheme, token, accessToken), proof: undefined, learn: rememberToken };
    }
    const bound = boundThumbprint(accessToken);

    const compact = parseCompactProof(proof); //                                          3 proof header
    const { proof: rules } = this.#parts.config;
    const known = this.#knownKeys.get(compact.header);
    const presented = known ?? parseProofHeader(compact.header, rules.algorithms);
    if (presented.jkt !== bound) throw new DpopError('key_binding'); //                   4 binding

    const claims = parseProofClaims(compact.payload); //                                  5 claims
    assertHtm(claims.htm, this.#request.method, this.#request.routedMethod);
    const path = parseRequestPath(this.#request.target);
    assertRoutedAsCompared(path, this.#request);
    assertHtu(claims.htu, this.#parts.config.resolveOrigin(this.#request), path, rules.queryInHtu);
    assertAth(claims.ath, ath);
    const nonce = this.#checkNonce(claims.nonce, bound);
    const freshUntilSeconds = this.#checkFreshness(claims, nonce, bound);
    const proofTimeSeconds =
      rules.freshness === 'nonce' ? (nonce?.expiresAtSeconds ?? claims.iat) : claims.iat;

    await signatureTurn(); //                                                             6 signature
    const key = 'key' in presented ? presented : importProofKey(presented);
    assertProofSignature(compact, key);

    const nextNonce = nonce?.renewalDue === true ? this.#freshNonce(bound) : undefined;
    return {
      verdict: createVerdict(scheme, token, accessToken, bound, nonce, nextNonce),
      proof: { jkt: bound, jti: claims.jti, proofTimeSeconds, freshUntilSeconds, epoch: nonce?.epoch },
      learn: () => {
        // The protected header is the same, octet for octet, in every proof of one client.
        if (known === undefined) {
          this.#knownKeys.set(detachSegment(compact.header), key, 2 * compact.header.length);
        }
        return rememberToken();
      },
    };
  }

  #assertPolicy(verdict: DpopVerdict, policy: DpopPolicy): void {
    const { exp } = verdict.claims;
    // The handshake of a socket is asked about for as long as the socket lives.
    const isLongAgo = this.#nowSeconds() - this.#openedSeconds > LONG_REQUEST_SECONDS;
    if (isLongAgo && exp !== undefined && this.#nowSeconds() >= exp) throw new DpopError('token_expired');
    assertPolicy(verdict, policy, this.#parts.config.clock, () => this.#freshNonce(verdict.jkt));
  }

  #checkNonce(nonce: string | undefined, jkt: string): AcceptedNonce | undefined {
    if (nonce === undefined) return undefined;
    const accepted = this.#parts.nonces.check(nonce);
    if (accepted === undefined) throw new DpopError('nonce_unacceptable', { nonce: this.#freshNonce(jkt) });
    return accepted;
  }

  #checkFreshness(claims: ProofClaims, nonce: AcceptedNonce | undefined, jkt: string): number {
    const { proof: rules } = this.#parts.config;
    if (rules.freshness === 'iat') return assertFreshness(claims, this.#nowSeconds(), rules, undefined);
    try {
      return assertFreshness(claims, this.#nowSeconds(), rules, nonce?.expiresAtSeconds);
    } catch (error) {
      // A client whose clock is wrong must be given a nonce, or it never gets in.
      throw nonce === undefined ? new DpopError('nonce_missing', { nonce: this.#freshNonce(jkt) }) : error;
    }
  }

  /** A `ReplayOutcome`, if the store does as it should. */
  async #record({ proof, learn }: Possession): Promise<unknown> {
    const outcome = proof === undefined ? 'first' : await this.#claim(this.#claimOf(proof));
    // Only now, so that nobody without a token, a key and a fresh proof can push others out.
    if (outcome === 'first') await learn();
    return outcome;
  }

  #claimOf({ jkt, jti, proofTimeSeconds, freshUntilSeconds, epoch }: SpentProof): ReplayClaim {
    const nowSeconds = this.#nowSeconds();
    // The clock has gone on: what has grown stale meanwhile may have left the memory already.
    if (nowSeconds > freshUntilSeconds)
      throw refusedAfterWait(nowSeconds - freshUntilSeconds, this.#parts.config.proof);
    return {
      id: claimId(jkt, jti),
      jkt,
      nowSeconds,
      proofTimeSeconds: Math.ceil(proofTimeSeconds),
      freshUntilSeconds: Math.ceil(freshUntilSeconds),
      lifetimeSeconds: this.#parts.config.proofLifetimeSeconds,
      epoch,
    };
  }

  #assertFirst(outcome: unknown, jkt: string | undefined): void {
    if (outcome === 'first') return;
    if (outcome === 'replayed') throw new DpopError('proof_replayed');
    if (outcome === 'unknown') throw new DpopError('nonce_renewal', { nonce: this.#freshNonce(jkt) });
    throw new DpopUnavailableError('replay_store_unavailable', {
      advice: 'ReplayStore.claim must answer "first", "replayed" or "unknown"',
    });
  }

  async #claim(claim: ReplayClaim): Promise<unknown> {
    try {
      return await this.#parts.replayStore.claim(claim);
    } catch (error) {
      const failure = toDpopError(error);
      if (this.#parts.config.onReplayStoreFailure === 'refuse' || !isReplayOutage(failure)) throw failure;
      this.passedOver = failure;
      return 'first';
    }
  }

  #freshNonce(jkt: string | undefined): string {
    return this.#parts.nonces.issue(jkt === undefined ? undefined : this.#parts.replayStore.epochOf(jkt));
  }

  #nowSeconds(): number {
    return this.#parts.config.clock() / 1000;
  }
}
