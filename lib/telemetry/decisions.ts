import { channel } from 'node:diagnostics_channel';
import type { DpopVerdict } from '../dpop.verdict.js';
import type { DpopErrorCode, RefusalReason, UnavailableReason } from '../errors/catalogue.js';
import type { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';

/** The name of the `node:diagnostics_channel` on which every decision is published. */
export const DPOP_DECISION_CHANNEL = 'nestjs-dpop:decision';

/** One decision about one request. Never holds a token, proof, nonce or jti. */
export interface DpopDecision {
  readonly outcome: 'accepted' | 'refused' | 'unavailable';
  readonly code: DpopErrorCode | undefined;
  readonly reason: RefusalReason | UnavailableReason | undefined;
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
  readonly jkt: string | undefined;
  /** `false` for a request that passed while the replay store failed, by `onReplayStoreFailure`. */
  readonly replayChecked: boolean;
  /** From the first look at the request to the decision. */
  readonly durationMs: number;
}

const decisions = channel(DPOP_DECISION_CHANNEL);

/**
 * Costs nothing while nobody listens.
 *
 * @param passedOver the failure in spite of which the request was accepted
 */
export function publishDecision(
  verdict: DpopVerdict | undefined,
  error: DpopError | DpopUnavailableError | undefined,
  passedOver: DpopUnavailableError | undefined,
  startedMs: number,
): void {
  if (!decisions.hasSubscribers) return;
  const decision: DpopDecision = {
    outcome: outcomeOf(error),
    code: error?.code,
    reason: (error ?? passedOver)?.reason,
    issuer: verdict?.issuer,
    clientId: verdict?.clientId,
    jkt: verdict?.jkt,
    replayChecked: passedOver === undefined,
    durationMs: performance.now() - startedMs,
  };
  decisions.publish(decision);
}

function outcomeOf(error: DpopError | DpopUnavailableError | undefined): DpopDecision['outcome'] {
  if (error === undefined) return 'accepted';
  return error.code === 'temporarily_unavailable' ? 'unavailable' : 'refused';
}
