import { DpopError, type DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import type { NonceService } from '../nonce/nonce.service.js';
import type { TimedReplayStore } from '../storage/timed-replay.store.js';

/** Issues the nonces that clients are given. Each names the epoch of the replay store. */
export class NonceSupply {
  readonly #nonces: NonceService;
  readonly #store: TimedReplayStore;

  constructor(nonces: NonceService, store: TimedReplayStore) {
    this.#nonces = nonces;
    this.#store = store;
  }

  /** @param jkt thumbprint of the client's key */
  issue(jkt: string): string {
    return this.#nonces.issue(this.#store.epochOf(jkt));
  }

  /**
   * A demand for a nonce with the nonce in it.
   *
   * @param refresh called before the nonce is issued, if the client lacks one
   */
  async fulfil(
    demand: DpopError,
    jkt: string,
    refresh: () => Promise<void> | undefined,
  ): Promise<DpopError | DpopUnavailableError> {
    try {
      if (demand.reason === 'nonce_missing') await refresh();
      return new DpopError(demand.reason, { ...demand.details, nonce: this.issue(jkt) });
    } catch (failure) {
      return toDpopError(failure);
    }
  }

  /**
   * Looks whether the store has lost what it knew. Otherwise a nonce could name an epoch that is over, and the client
   * would be asked for another one.
   */
  async refreshEpoch(jkt: string): Promise<void> {
    await this.#store.refreshEpoch(jkt);
  }
}

/** Whether a refusal asks the client for a nonce (RFC 9449 §8). */
export function isNonceDemand(error: unknown): error is DpopError {
  return error instanceof DpopError && error.code === 'use_dpop_nonce';
}
