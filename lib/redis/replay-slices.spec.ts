import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FixedNonceSecrets } from '../nonce/nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { assertFreshness } from '../proof/proof-checks.js';
import { CLOCK_SKEW_SECONDS, liveSlices, secondsToKeep, sliceOf } from './replay-slices.js';

const NOW = 1_700_000_000;

/** To the millisecond, as clocks go. */
const seconds = (min: number, max: number) =>
  fc.integer({ min: min * 1000, max: max * 1000 }).map((value) => value / 1000);

/** By how much each instance's clock is off; no two differ by more than is allowed for. */
const skews = fc.record({
  beginner: seconds(-CLOCK_SKEW_SECONDS / 2, CLOCK_SKEW_SECONDS / 2),
  judge: seconds(-CLOCK_SKEW_SECONDS / 2, CLOCK_SKEW_SECONDS / 2),
});

/**
 * A slice is begun, by some proof, not after our proof was recorded in it; another instance judges our proof fresh
 * at the last instant of its freshness. The slice must be there then.
 *
 * @param freshUntilSeconds of our proof
 * @param begunSeconds when, by a clock that is right
 */
function expectRecordToOutlive(
  freshUntilSeconds: number,
  begunSeconds: number,
  { beginner, judge }: { readonly beginner: number; readonly judge: number },
): void {
  const goneSeconds = begunSeconds + secondsToKeep(freshUntilSeconds, begunSeconds + beginner);
  expect(goneSeconds).toBeGreaterThan(freshUntilSeconds - judge);
}

describe('F4 the record outlives the proof', () => {
  test('by iat: there is no instant at which the proof is fresh and its record gone', () => {
    const rules = fc.record({
      maxAgeSeconds: fc.integer({ min: 1, max: 86_400 }),
      futureToleranceSeconds: fc.integer({ min: 0, max: 3600 }),
    });
    fc.assert(
      fc.property(rules, seconds(0, 120), seconds(0, 1), skews, (window, offset, share, skew) => {
        const nowSeconds = NOW + offset;
        const lifetimeSeconds = window.maxAgeSeconds + window.futureToleranceSeconds;
        const iat = nowSeconds - window.maxAgeSeconds + share * lifetimeSeconds;
        const claims = {
          iat,
          exp: undefined,
          nbf: undefined,
          jti: 'a',
          htm: 'GET',
          htu: '',
          ath: '',
          nonce: '',
        };
        const freshUntilSeconds = Math.ceil(assertFreshness(claims, nowSeconds, window, undefined));
        expect(liveSlices(nowSeconds, lifetimeSeconds)).toContain(sliceOf(freshUntilSeconds));
        expectRecordToOutlive(freshUntilSeconds, nowSeconds, skew);
      }),
    );
  });

  test('by nonce: there is no instant at which the nonce is good and the record gone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 86_400 }),
        seconds(0, 200_000),
        seconds(-1, 2),
        skews,
        (lifetimeSeconds, offset, age, skew) => {
          let nowSeconds = NOW + offset;
          const nonces = new StatelessNonceService({
            secrets: new FixedNonceSecrets(),
            service: 'a',
            lifetimeSeconds,
            clock: () => nowSeconds * 1000,
          });
          const nonce = nonces.issue();
          nowSeconds += age * lifetimeSeconds;
          const freshUntilSeconds = nonces.check(nonce)?.untilSeconds;
          fc.pre(freshUntilSeconds !== undefined);
          expect(liveSlices(nowSeconds, nonces.maxLifetimeSeconds)).toContain(sliceOf(freshUntilSeconds));
          expectRecordToOutlive(freshUntilSeconds, nowSeconds, skew);
        },
      ),
    );
  });

  test('a slice that was begun by an earlier proof is kept for the last one in it', () => {
    fc.assert(
      fc.property(seconds(0, 200), seconds(0, 60), seconds(0, 60), skews, (offset, one, other, skew) => {
        const begunSeconds = NOW + offset;
        const [earlier = 0, later = 0] = [one, other].toSorted((a, b) => a - b);
        const first = Math.ceil(begunSeconds + earlier);
        const last = Math.ceil(begunSeconds + later);
        fc.pre(sliceOf(first) === sliceOf(last));
        const goneSeconds = begunSeconds + secondsToKeep(first, begunSeconds + skew.beginner);
        expect(goneSeconds).toBeGreaterThan(last - skew.judge);
      }),
    );
  });
});
