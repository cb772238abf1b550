import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { refusedAfterWait } from '../proof/proof-freshness.js';
import { claimId } from '../storage/claim-id.js';
import type { ReplayClaim, ReplayStore } from '../storage/replay.store.js';
import { isReplayOutage } from '../storage/timed-replay.store.js';
import { timeClaim } from '../telemetry/replay-claims.js';
import type { VerifiedProof } from './proof.verifier.js';
import type { ProofRules } from './proof-rules.js';

/**
 * Records each proof once.
 *
 * @see RFC 9449 §11.1
 */
export class ReplayCheck {
  readonly #rules: ProofRules;
  readonly #store: ReplayStore;

  /** @param store held to its deadline */
  constructor(rules: ProofRules, store: ReplayStore) {
    this.#rules = rules;
    this.#store = store;
  }

  /**
   * @returns the failure of the store that `onReplayStoreFailure` tolerates, if there was one
   * @throws DpopError for a proof that was used before, or that may have been; DpopUnavailableError when the store fails
   */
  async record(proof: VerifiedProof): Promise<DpopUnavailableError | undefined> {
    const claim = this.#claimOf(proof);
    let outcome: unknown;
    try {
      outcome = await timeClaim(() => this.#store.claim(claim));
    } catch (thrown) {
      const failure = toDpopError(thrown);
      if (this.#rules.onReplayStoreFailure === 'refuse' || !isReplayOutage(failure)) throw failure;
      return failure;
    }
    assertFirst(outcome);
    return undefined;
  }

  #claimOf({ key: { jkt }, jti, nonce, proofTimeSeconds, freshUntilSeconds }: VerifiedProof): ReplayClaim {
    const nowSeconds = this.#rules.clock() / 1000;
    // The clock has gone on since the proof was checked: the store may have dropped the record of a proof that is stale now.
    if (nowSeconds > freshUntilSeconds)
      throw refusedAfterWait(nowSeconds - freshUntilSeconds, this.#rules.proof);
    return {
      id: claimId(jkt, jti),
      jkt,
      nowSeconds,
      proofTimeSeconds: Math.ceil(proofTimeSeconds),
      freshUntilSeconds: Math.ceil(freshUntilSeconds),
      lifetimeSeconds: this.#rules.proofLifetimeSeconds,
      epoch: nonce?.epoch,
    };
  }
}

/** A store of the app may answer anything. */
function assertFirst(outcome: unknown): void {
  if (outcome === 'first') return;
  if (outcome === 'replayed') throw new DpopError('proof_replayed');
  if (outcome === 'unknown') throw new DpopError('nonce_renewal');
  throw new DpopUnavailableError('replay_store_unavailable', {
    advice: 'ReplayStore.claim must answer "first", "replayed" or "unknown"',
  });
}
