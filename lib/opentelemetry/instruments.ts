import type { Counter, Histogram, MeterProvider } from '@opentelemetry/api';

/** The metrics of this library. */
export interface Instruments {
  readonly decisions: Counter;
  readonly verificationSeconds: Histogram;
  readonly claimSeconds: Histogram;
  readonly differences: Counter;
}

/** A verification takes a tenth of a millisecond, or as long as an issuer that is asked. */
const VERIFICATION_BOUNDARIES = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5];
/** A claim takes microseconds in memory, a round trip in Redis, and at most the deadline of the store. */
const CLAIM_BOUNDARIES = [0.00005, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

export function createInstruments(meterProvider: MeterProvider): Instruments {
  const meter = meterProvider.getMeter('nestjs-dpop');
  return {
    decisions: meter.createCounter('dpop.decisions', {
      unit: '{decision}',
      description: 'Decisions about requests.',
    }),
    verificationSeconds: meter.createHistogram('dpop.verification.duration', {
      unit: 's',
      description: 'Time from the first check of a request to the decision.',
      advice: { explicitBucketBoundaries: VERIFICATION_BOUNDARIES },
    }),
    claimSeconds: meter.createHistogram('dpop.replay_store.claim.duration', {
      unit: 's',
      description: 'Time that a request waits for the replay store.',
      advice: { explicitBucketBoundaries: CLAIM_BOUNDARIES },
    }),
    differences: meter.createCounter('dpop.trial.differences', {
      unit: '{request}',
      description: 'Requests whose outcome the options under trial would change.',
    }),
  };
}
