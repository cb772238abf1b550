import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FixedNonceSecrets } from '../nonce/fixed-nonce-secrets.js';
import { StatelessNonceService } from '../nonce/stateless-nonce.service.js';
import { liveSlices, SLICE_SECONDS, sliceFreshUntil, sliceOf } from './claim-slices.js';

const NOW = 1_700_000_000;

/** To the millisecond, as clocks go. */
const seconds = (min: number, max: number) =>
  fc.integer({ min: min * 1000, max: max * 1000 }).map((value) => value / 1000);

function expectAmong(
  { first, last }: { readonly first: number; readonly last: number },
  proofTime: number,
): void {
  expect(sliceOf(proofTime)).toBeGreaterThanOrEqual(first);
  expect(sliceOf(proofTime)).toBeLessThanOrEqual(last);
}

describe('the slice of a proof (F4)', () => {
  test('follows from the proof alone, and ends with the last proof in it', () => {
    fc.assert(
      fc.property(seconds(0, 100_000), (offset) => {
        const slice = sliceOf(NOW + offset);
        expect(sliceFreshUntil(slice, 0)).toBeGreaterThanOrEqual(NOW + offset);
        expect(sliceFreshUntil(slice - 1, 0)).toBeLessThan(NOW + offset);
      }),
    );
  });

  test('by iat: is among the live slices, and is kept for as long as the proof is fresh', () => {
    const rules = fc.record({
      reach: fc.integer({ min: 1, max: 3600 }),
      ahead: fc.integer({ min: 0, max: 3600 }),
    });
    fc.assert(
      fc.property(rules, seconds(0, 1000), seconds(0, 1), ({ reach, ahead }, offset, share) => {
        const nowSeconds = NOW + offset;
        const iat = nowSeconds - reach + share * (reach + ahead);
        expectAmong(liveSlices(nowSeconds, reach, ahead), iat);
        expect(sliceFreshUntil(sliceOf(iat), reach)).toBeGreaterThanOrEqual(iat + reach);
        expect(sliceFreshUntil(sliceOf(iat), reach)).toBeLessThanOrEqual(iat + reach + SLICE_SECONDS);
      }),
    );
  });

  test('by nonce: is among those that are looked at, and needed for as long as the nonce is good', () => {
    const lifetimes = fc.integer({ min: 1, max: 3600 });
    fc.assert(
      fc.property(lifetimes, seconds(0, 200_000), seconds(-1, 2), (lifetimeSeconds, offset, age) => {
        let nowSeconds = NOW + offset;
        const nonces = new StatelessNonceService({
          secrets: new FixedNonceSecrets(),
          service: 'a',
          lifetimeSeconds,
          clock: () => nowSeconds * 1000,
        });
        const nonce = nonces.issue();
        nowSeconds += age * lifetimeSeconds;
        const end = nonces.check(nonce)?.expiresAtSeconds;
        fc.pre(end !== undefined);
        expectAmong(liveSlices(nowSeconds, 0, nonces.maxLifetimeSeconds), end);
        expect(sliceFreshUntil(sliceOf(end), 0)).toBeGreaterThanOrEqual(end);
      }),
    );
  });
});
