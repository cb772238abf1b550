import { channel } from 'node:diagnostics_channel';

/** The name of the `node:diagnostics_channel` on which every claim at the replay store is published. */
export const DPOP_REPLAY_CLAIM_CHANNEL = 'nestjs-dpop:replay-claim';

/** One claim at the replay store. Contains nothing about the request. */
export interface DpopReplayClaim {
  /** `failed` for a store that failed, was too late, or gave an unknown answer. */
  readonly outcome: 'first' | 'replayed' | 'unknown' | 'failed';
  /** How long the request waited for the store. */
  readonly durationMs: number;
}

const OUTCOMES: readonly unknown[] = ['first', 'replayed', 'unknown'] satisfies DpopReplayClaim['outcome'][];

const claims = channel(DPOP_REPLAY_CLAIM_CHANNEL);

/** Measures one claim and publishes it. Without a subscriber, it does neither. */
export function timeClaim<T>(claim: () => T | Promise<T>): T | Promise<T> {
  return claims.hasSubscribers ? publishClaim(claim) : claim();
}

async function publishClaim<T>(claim: () => T | Promise<T>): Promise<T> {
  const startedMs = performance.now();
  let outcome: T | undefined;
  try {
    return (outcome = await claim());
  } finally {
    claims.publish({
      outcome: isOutcome(outcome) ? outcome : 'failed',
      durationMs: performance.now() - startedMs,
    } satisfies DpopReplayClaim);
  }
}

/** A store of the app may answer anything. */
function isOutcome(outcome: unknown): outcome is DpopReplayClaim['outcome'] {
  return OUTCOMES.includes(outcome);
}
