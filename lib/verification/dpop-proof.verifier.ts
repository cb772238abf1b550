import type { DpopRequest } from '../http/dpop-request.js';
import type { NonceService } from '../nonce/nonce.service.js';
import type { ReplayStore } from '../storage/replay.store.js';
import { TimedReplayStore } from '../storage/timed-replay.store.js';
import { NonceSupply } from './nonce-supply.js';
import { ProofExamination, type ProofExaminationSteps } from './proof-examination.js';
import { overlayProofPolicy, type ProofPolicy } from './proof-policy.js';
import type { ProofRules } from './proof-rules.js';
import type { DpopProofVerdict } from './proof-verdict.js';
import { ProofVerifier } from './proof.verifier.js';
import { ReplayCheck } from './replay-check.js';
import { recordOf } from './request-record.js';

/** What an authorization server requires of the proofs of its clients. */
export interface DpopProofVerifierRules extends ProofRules {
  /** The policy of an endpoint that has none of its own. */
  readonly proofPolicy: ProofPolicy;
  readonly maxProofBytes: number;
}

/** What a `DpopProofVerifier` is made of. */
export interface DpopProofVerifierParts {
  readonly rules: DpopProofVerifierRules;
  readonly nonces: NonceService;
  readonly replayStore: ReplayStore;
}

/**
 * Verifies proofs that come without an access token, at the endpoints of an authorization server: plain data in, frozen
 * verdict out. `DpopProofGuard` uses it; an app may use it where a guard cannot stand.
 *
 * @example
 * ```ts
 * const verdict = await proofs.verify({ method: 'POST', target: '/token', rawHeaders: request.rawHeaders });
 * ```
 * @see RFC 9449 §4.3 and §5
 */
export class DpopProofVerifier {
  readonly #policy: ProofPolicy;
  readonly #steps: ProofExaminationSteps;

  constructor({ rules, nonces, replayStore }: DpopProofVerifierParts) {
    const store = new TimedReplayStore(replayStore);
    this.#policy = rules.proofPolicy;
    this.#steps = {
      maxProofBytes: rules.maxProofBytes,
      proofs: new ProofVerifier(rules, nonces),
      replays: new ReplayCheck(rules, store),
      nonces: new NonceSupply(nonces, store),
    };
  }

  /**
   * Verifies the proof of one request, and records it: a second call with the same proof refuses it as replayed. It reads no
   * `@DpopProof`, and writes no header and no log line.
   *
   * @param policy of the endpoint, over that of the server
   * @returns `undefined` for a request without a proof, if the policy accepts it. A verdict with `nextNonce` asks for the
   *   header `DPoP-Nonce` in the response
   * @throws DpopError when the request is refused. Its `status` is that of a resource server; a token endpoint answers 400
   *   with `{ error: code, error_description: message }`, and with `details.nonce` in `DPoP-Nonce`. `new DpopOAuthException(error)`
   *   has this status and body
   * @throws DpopUnavailableError when no verdict can be reached, with `status` 503 and `retryAfterSeconds`; nothing else
   */
  verify(request: DpopRequest, policy?: Partial<ProofPolicy>): Promise<DpopProofVerdict | undefined> {
    return this.examine(request).authorize(overlayProofPolicy(this.#policy, policy ?? {}));
  }

  /**
   * The examination of one request, the same for each caller.
   *
   * @param identity an object that stands for the request
   * @param request called for the first caller only
   */
  examineOnce(identity: object, request: () => DpopRequest): ProofExamination {
    const examinations = (recordOf(identity).proofExaminations ??= new Map<object, ProofExamination>());
    let examination = examinations.get(this);
    if (examination === undefined) examinations.set(this, (examination = this.examine(request())));
    return examination;
  }

  /** Begins the examination of a request about which several callers may ask. */
  examine(request: DpopRequest): ProofExamination {
    return new ProofExamination(request, this.#steps);
  }
}
