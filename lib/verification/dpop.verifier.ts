import type { DpopRequest } from '../http/dpop-request.js';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { RevocationCheck } from '../revocation/revocation-check.js';
import { TimedReplayStore } from '../storage/timed-replay.store.js';
import { DpopExamination, type ExaminationSteps } from './examination.js';
import { NonceSupply } from './nonce-supply.js';
import { type DpopPolicy, overlayPolicy } from './policy.js';
import { ProofVerifier } from './proof.verifier.js';
import { ReplayCheck } from './replay-check.js';
import { recordOf } from './request-record.js';
import { TicketSeal } from '../tickets/ticket-seal.js';
import { TicketCheck } from './ticket-check.js';
import { TokenCheck } from './token-check.js';
import type { DpopVerdict } from './verdict.js';
import type { DpopVerifierParts } from './verifier-parts.js';

/**
 * Verifies requests: plain data in, frozen verdict out. The guard uses it for HTTP; gateways, gRPC services and tests
 * may use it themselves.
 *
 * @example
 * ```ts
 * const verdict = await verifier.verify({ method: 'GET', target: '/accounts', rawHeaders: request.rawHeaders });
 * ```
 * @see RFC 9449 §4.3 and §7
 */
export class DpopVerifier {
  readonly #steps: ExaminationSteps;

  constructor({
    rules,
    accessTokens,
    nonces,
    replayStore,
    revocation,
    tickets = createOwnSeal(),
    knownKeys,
    publishes = true,
  }: DpopVerifierParts) {
    const store = new TimedReplayStore(replayStore);
    const tokens = new TokenCheck(accessTokens, rules.confirmation);
    this.#steps = {
      rules,
      tokens,
      proofs: new ProofVerifier(rules, nonces, knownKeys),
      revocations: revocation && new RevocationCheck(revocation, rules.onRevocationFailure),
      replays: new ReplayCheck(rules, store),
      nonces: new NonceSupply(nonces, store),
      publishes,
      tickets: new TicketCheck(rules, tickets, tokens, store),
    };
  }

  /**
   * Verifies one request, and records its proof.
   *
   * @param policy of the route, over that of the service
   * @throws DpopError when the request is refused, DpopUnavailableError when no verdict can be reached; nothing else
   */
  verify(request: DpopRequest, policy?: Partial<DpopPolicy>): Promise<DpopVerdict> {
    const ofService = this.#steps.rules.policy;
    return this.examine(request).authorize(
      policy === undefined ? ofService : overlayPolicy(ofService, policy),
    );
  }

  /**
   * The examination of one request, the same for each caller.
   *
   * @param identity an object that stands for the request
   * @param request called for the first caller only
   */
  examineOnce(identity: object, request: () => DpopRequest): DpopExamination {
    const { examinations } = recordOf(identity);
    let examination = examinations.get(this);
    if (examination === undefined) examinations.set(this, (examination = this.examine(request())));
    return examination;
  }

  /** @internal The examination that `examineOnce` began for this identity. */
  examinationOf(identity: object): DpopExamination | undefined {
    return recordOf(identity).examinations.get(this);
  }

  /**
   * A nonce for a client that has sent no proof yet, such as at the nonce endpoint of OpenID4VCI.
   *
   * @throws DpopUnavailableError when the nonce secrets are not available
   */
  issueNonce(): string {
    return this.#steps.nonces.issue('');
  }

  /** Begins the examination of a request about which several callers may ask. */
  examine(request: DpopRequest): DpopExamination {
    return new DpopExamination(request, this.#steps);
  }
}

function createOwnSeal(): TicketSeal {
  return new TicketSeal({ secrets: new FixedNonceSecrets(), service: '', lifetimeSeconds: 30 });
}
