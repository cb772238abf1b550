import type { ReplayClaim, ReplayOutcome } from '../storage/replay.store.js';
import { expectThat } from './conformance-check.js';
import type { ReplayStoreSession } from './replay-store-session.js';
import type { ReplayStoreSetUp } from './replay-store-set-up.js';

/** What a store must do, by the name of each check. */
export type Laws = Readonly<Record<string, (session: ReplayStoreSession) => Promise<void>>>;

export const LAWS_OF_LOSS: Laws = {
  'accepts no proof again after it has lost its records': async (session) => {
    const store = await session.open();
    const withNonce = await session.record(store);
    const withoutNonce: ReplayClaim = { ...(await session.createClaim(store)), epoch: undefined };
    await session.claim(store, withoutNonce);
    await session.advance(1);
    const after = await session.lose(store);
    for (const claim of [withNonce, withoutNonce]) {
      expectNotFirst(await session.claim(after, claim));
      await after.refreshEpoch?.(claim.jkt);
      expectNotFirst(await session.claim(after, claim));
    }
  },

  'accepts a new proof after a loss, with one new nonce at most': async (session) => {
    const store = await session.open();
    const { jkt } = await session.record(store);
    await session.advance(1);
    const after = await session.lose(store);
    const withOldNonce = { ...(await session.createClaim(after, jkt)), epoch: undefined };
    const outcome = await session.claim(after, withOldNonce);
    if (outcome === 'first') return;
    expectThat(outcome === 'unknown', `a new proof was answered "${outcome}"`);
    await after.refreshEpoch?.(jkt);
    // The answer "unknown" has recorded nothing.
    await session.expectOutcome(after, { ...withOldNonce, epoch: after.epochOf(jkt) }, 'first');
  },

  'has another epoch after a loss, for each client': async (session) => {
    const store = await session.open();
    const { jkt } = await session.record(store);
    const epoch = store.epochOf(jkt);
    const after = await session.lose(store);
    await session.claim(after, { ...(await session.createClaim(after, jkt)), epoch });
    await after.refreshEpoch?.(jkt);
    expectThat(after.epochOf(jkt) !== epoch, 'the epoch is the same as before the loss');
  },
};

export function lawsOfOutage({ begin, end }: NonNullable<ReplayStoreSetUp['outage']>): Laws {
  return {
    'accepts no proof during an outage, and none a second time after it': async (session) => {
      const store = await session.open();
      const before = await session.record(store);
      const during = await session.createClaim(store);
      await begin();
      try {
        for (const claim of [before, during]) {
          const outcome = await session.claimInTime(store, claim);
          expectThat(outcome === 'failed', `the store cannot be reached, and answered "${outcome}"`);
        }
        await store.refreshEpoch?.(before.jkt);
        store.epochOf(before.jkt);
      } finally {
        await end();
      }
      expectNotFirst(await session.claim(store, before));
    },
  };
}

export function expectNotFirst(outcome: ReplayOutcome): void {
  expectThat(outcome !== 'first', 'a proof that was accepted before is "first" again');
}
