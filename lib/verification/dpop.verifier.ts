import type { DpopRequest } from '../http/dpop-request.js';
import type { ProofKey } from '../proof/proof-key.js';
import { BoundedCache } from '../runtime/bounded-cache.js';
import { TimedReplayStore } from '../storage/timed-replay.store.js';
import { DpopExamination } from './examination.js';
import { type DpopPolicy, overlayPolicy } from './policy.js';
import { recordOf } from './request-record.js';
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
  readonly #parts: DpopVerifierParts;
  readonly #knownKeys: BoundedCache<ProofKey>;

  constructor(parts: DpopVerifierParts) {
    this.#parts = { ...parts, replayStore: new TimedReplayStore(parts.replayStore) };
    this.#knownKeys = new BoundedCache(parts.config.cache.keys);
  }

  /**
   * Verifies one request, and spends its proof.
   *
   * @param policy of the route, over that of the service
   * @throws DpopError when the request is refused, DpopUnavailableError when no verdict can be reached; nothing else
   */
  verify(request: DpopRequest, policy?: Partial<DpopPolicy>): Promise<DpopVerdict> {
    const ofService = this.#parts.config.policy;
    return this.examine(request).admit(policy === undefined ? ofService : overlayPolicy(ofService, policy));
  }

  /**
   * The examination of one request, the same for all who ask.
   *
   * @param identity an object that stands for the request
   * @param request is called for the first who asks
   */
  examineOnce(identity: object, request: () => DpopRequest): DpopExamination {
    const { examinations } = recordOf(identity);
    let examination = examinations.get(this);
    if (examination === undefined) examinations.set(this, (examination = this.examine(request())));
    return examination;
  }

  /** Takes up a request that may be asked about more than once. */
  examine(request: DpopRequest): DpopExamination {
    return new DpopExamination(request, this.#parts, this.#knownKeys);
  }
}
