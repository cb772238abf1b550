import { DpopError, type DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { parseProofField, readCredentialFields } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import type { NameRoute } from '../http/place.js';
import { RequestDecisions } from '../telemetry/decisions.js';
import { isNonceDemand, type NonceSupply } from './nonce-supply.js';
import type { ProofPolicy } from './proof-policy.js';
import { createProofVerdict, type DpopProofVerdict } from './proof-verdict.js';
import type { ProofVerifier, VerifiedProof } from './proof.verifier.js';
import type { ReplayCheck } from './replay-check.js';

/** The parts that make the steps of the examination. */
export interface ProofExaminationSteps {
  readonly maxProofBytes: number;
  readonly proofs: ProofVerifier;
  readonly replays: ReplayCheck;
  readonly nonces: NonceSupply;
}

/**
 * The examination of one request to an authorization server. Several guards may ask about it, each with its own policy; the
 * proof is verified once, recorded once, and one decision is published.
 */
export class ProofExamination {
  readonly #request: DpopRequest;
  readonly #steps: ProofExaminationSteps;
  readonly #decisions: RequestDecisions;
  #verified: Promise<VerifiedProof> | undefined;
  #recorded: Promise<DpopProofVerdict> | undefined;
  #epochRefreshed: Promise<void> | undefined;

  constructor(request: DpopRequest, steps: ProofExaminationSteps) {
    this.#request = request;
    this.#steps = steps;
    this.#decisions = new RequestDecisions(request.method);
  }

  /** What is examined. Not enumerable: a logger that prints an examination does not print the proof. */
  get request(): DpopRequest {
    return this.#request;
  }

  /**
   * The verdict, or `undefined` for a request without a proof that the policy accepts. The replay record is written last: a
   * refused request leaves no trace.
   *
   * @param nameRoute for the decision channel; called only while it has a subscriber
   * @throws DpopError, DpopUnavailableError
   */
  async authorize(policy: ProofPolicy, nameRoute?: NameRoute): Promise<DpopProofVerdict | undefined> {
    let verified: VerifiedProof | undefined;
    try {
      const { maxProofBytes, proofs } = this.#steps;
      const proof = parseProofField(readCredentialFields(this.#request.rawHeaders), maxProofBytes);
      if (proof === undefined && policy.absentProof !== 'accept') throw new DpopError('proof_missing');
      if (proof !== undefined) {
        verified = await (this.#verified ??= proofs.verify(proof, this.#request));
        if (policy.nonce === 'required' && verified.nonce === undefined) throw new DpopError('nonce_missing');
      }
      const verdict = verified && (await (this.#recorded ??= this.#record(verified)));
      this.#decisions.accepted(subjectOf(verified), undefined, undefined, nameRoute);
      return verdict;
    } catch (thrown) {
      const error = isNonceDemand(thrown) ? await this.#supplyNonce(thrown, verified) : toDpopError(thrown);
      this.#decisions.rejected(error, subjectOf(verified), nameRoute);
      throw error;
    }
  }

  /** @internal Publishes a rejection that came after the verdict, from an override of the guard for example. */
  publishRejection(error: DpopError | DpopUnavailableError, nameRoute: NameRoute): void {
    this.#decisions.rejected(error, undefined, nameRoute);
  }

  async #record(proof: VerifiedProof): Promise<DpopProofVerdict> {
    await this.#steps.replays.record(proof);
    const { nonce, key } = proof;
    const nextNonce = nonce?.renewalDue === true ? this.#steps.nonces.issue(key.jkt) : undefined;
    return createProofVerdict(key.jkt, nonce !== undefined, nextNonce);
  }

  /** A demand for a nonce gets the nonce here, and nowhere else. */
  #supplyNonce(
    demand: DpopError,
    proof: VerifiedProof | undefined,
  ): Promise<DpopError | DpopUnavailableError> {
    const { nonces } = this.#steps;
    const jkt = proof?.key.jkt ?? '';
    return nonces.fulfil(demand, jkt, () => {
      // A client that has not proved to hold its key causes no round trip.
      if (proof === undefined) return undefined;
      return (this.#epochRefreshed ??= nonces.refreshEpoch(jkt));
    });
  }
}

/** The client is not known here: it authenticates to the app. */
function subjectOf(proof: VerifiedProof | undefined): {
  readonly issuer: undefined;
  readonly clientId: undefined;
  readonly jkt: string | undefined;
} {
  return { issuer: undefined, clientId: undefined, jkt: proof?.key.jkt };
}
