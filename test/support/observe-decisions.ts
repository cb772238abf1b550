import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { DPOP_DECISION_CHANNEL, type DpopDecision } from 'nestjs-dpop';

/** The decisions that are published while the test acts. */
export async function observeDecisions(act: () => Promise<unknown>): Promise<readonly DpopDecision[]> {
  const decisions: DpopDecision[] = [];
  const listener = (message: unknown): void => void decisions.push(message as DpopDecision);
  subscribe(DPOP_DECISION_CHANNEL, listener);
  try {
    await act();
  } finally {
    unsubscribe(DPOP_DECISION_CHANNEL, listener);
  }
  return decisions;
}
