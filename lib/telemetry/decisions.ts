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
  /** From the first look at the request to the decision. */
  readonly durationMs: number;
}

const decisions = channel(DPOP_DECISION_CHANNEL);

/** Costs nothing while nobody listens. */
export function publishDecision(
  verdict: DpopVerdict | undefined,
  error: DpopError | DpopUnavailableError | undefined,
  durationMs: number,
): void {
  if (!decisions.hasSubscribers) return;
  const decision: DpopDecision = {
    outcome:
      error === undefined ? 'accepted' : error.code === 'temporarily_unavailable' ? 'unavailable' : 'refused',
    code: error?.code,
    reason: error?.reason,
    issuer: verdict?.issuer,
    clientId: verdict?.clientId,
    jkt: verdict?.jkt,
    durationMs,
  };
  decisions.publish(decision);
}
