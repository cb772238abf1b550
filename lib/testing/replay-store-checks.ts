import type { ReplayClaim, ReplayOutcome } from '../storage/replay.store.js';
import { type ConformanceCheck, createDigest, expectThat } from './conformance-check.js';
import { ReplayStoreSession } from './replay-store-session.js';
import type { ReplayStoreSetUp } from './replay-store-set-up.js';

const COPIES = 1000;
const FLOOD = 5000;

type Laws = Readonly<Record<string, (session: ReplayStoreSession) => Promise<void>>>;

/**
 * What every `ReplayStore` must do, as a list of checks for any test runner. The stores of this library pass them.
 *
 * @example
 * ```ts
 * // for (const { name, run } of replayStoreChecks({ open: () => new MyReplayStore(url) })) test(name, run);
 * const checks = replayStoreChecks({ open: () => new MemoryReplayStore(), shared: false });
 * for (const { run } of checks) await run();
 * ```
 * @see RFC 9449 §11.1
 */
export function replayStoreChecks(setUp: ReplayStoreSetUp): readonly ConformanceCheck[] {
  const { lose, outage } = setUp;
  const laws: Laws = { ...LAWS, ...(lose && LAWS_OF_LOSS), ...(outage && lawsOfOutage(outage)) };
  return Object.entries(laws).map(([name, check]) => ({
    name,
    run: async () => {
      const session = new ReplayStoreSession(setUp);
      try {
        await check(session);
      } finally {
        await session.close();
      }
    },
  }));
}

const LAWS: Laws = {
  'answers "first" for a new proof, and "replayed" for the same proof on any instance': async (session) => {
    const [one, other] = await session.openInstances();
    const claim = await session.record(one);
    await session.expectOutcome(one, claim, 'replayed');
    await session.expectOutcome(other, claim, 'replayed');
  },

  'answers "first" once when 1,000 copies of a proof arrive at the same time': async (session) => {
    const [one, other] = await session.openInstances();
    const claim = await session.createClaim(one);
    const stores = Array.from({ length: COPIES }, (_, at) => (at % 2 === 0 ? one : other));
    const outcomes = await Promise.all(stores.map((store) => session.claim(store, claim)));
    const count = (expected: ReplayOutcome) => outcomes.filter((outcome) => outcome === expected).length;
    const [first, replayed] = [count('first'), count('replayed')];
    expectThat(
      first === 1 && replayed === COPIES - 1,
      `of ${COPIES} copies, ${first} were "first" and ${replayed} "replayed"`,
    );
  },

  'answers "first" for 1,000 different proofs that arrive at the same time': async (session) => {
    const [one, other] = await session.openInstances();
    const jkt = createDigest();
    const claim = await session.createClaim(one, jkt);
    const outcomes = await Promise.all(
      Array.from({ length: COPIES }, (_, at) =>
        session.claim(at % 2 === 0 ? one : other, { ...claim, id: createDigest() }),
      ),
    );
    const wrong = outcomes.filter((outcome) => outcome !== 'first');
    expectThat(wrong.length === 0, `${wrong.length} of ${COPIES} new proofs were "${wrong[0]}"`);
  },

  'tells ids apart that differ in the case of one letter': async (session) => {
    const store = await session.open();
    const claim = await session.createClaim(store);
    const rest = claim.id.slice(1);
    await session.expectOutcome(store, { ...claim, id: `a${rest}` }, 'first');
    await session.expectOutcome(store, { ...claim, id: `A${rest}` }, 'first');
    await session.expectOutcome(store, { ...claim, id: `a${rest}` }, 'replayed');
  },

  'keeps a record until the last second in which the proof is fresh': async (session) => {
    const store = await session.open();
    const ahead = await session.createClaim(store);
    // A proof whose time is ahead of the service stays fresh for longer.
    const { proofTimeSeconds, freshUntilSeconds, lifetimeSeconds } = ahead;
    const tolerance = lifetimeSeconds - (freshUntilSeconds - proofTimeSeconds);
    const claim: ReplayClaim = {
      ...ahead,
      proofTimeSeconds: proofTimeSeconds + tolerance,
      freshUntilSeconds: freshUntilSeconds + tolerance,
    };
    await session.expectOutcome(store, claim, 'first');
    for (let steps = 0; steps < 9; steps += 1) {
      await session.advance((claim.freshUntilSeconds - session.clock.nowSeconds) / (9 - steps));
      await session.expectOutcome(store, claim, 'replayed');
      // What is new may drive out what is old.
      await session.record(store);
    }
  },

  'keeps a record while 5,000 others are added': async (session) => {
    const store = await session.open();
    const claim = await session.record(store);
    const added: Promise<ReplayOutcome>[] = [];
    for (let at = 0; at < FLOOD; at += 1) {
      added.push(session.claim(store, { ...claim, id: createDigest() }));
      if (at % 500 === 499) await Promise.all(added.splice(0));
    }
    await session.expectOutcome(store, claim, 'replayed');
  },

  'finds the record of an instance with another maxAgeSeconds': async (session) => {
    const [one, other] = await session.openInstances();
    const claim = await session.record(one);
    const longer = { freshUntilSeconds: claim.freshUntilSeconds + 240, lifetimeSeconds: 330 };
    expectNotFirst(await session.claim(other, { ...claim, ...longer }));
    const shorter = { freshUntilSeconds: claim.freshUntilSeconds - 30, lifetimeSeconds: 60 };
    expectNotFirst(await session.claim(other, { ...claim, ...shorter }));
  },

  'finds a record when the clock of an instance is behind or ahead': async (session) => {
    const [one, other] = await session.openInstances();
    const claim = await session.record(one);
    session.clock.advance(-25);
    expectNotFirst(await session.claim(other, claim));
    session.clock.advance(50);
    expectNotFirst(await session.claim(other, claim));
  },

  'has an epoch of 8 characters of base64url, which stays while nothing is lost': async (session) => {
    const [one, other] = await session.openInstances();
    const claim = await session.record(one);
    const { jkt } = claim;
    const epoch = one.epochOf(jkt);
    expectThat(/^[\w-]{8}$/.test(epoch), 'epochOf must return 8 characters of base64url');
    await session.advance(10);
    await session.expectOutcome(one, { ...claim, id: createDigest() }, 'first');
    await other.refreshEpoch?.(jkt);
    for (const store of [one, other])
      expectThat(store.epochOf(jkt) === epoch, 'the epoch has changed although nothing was lost');
  },
};

const LAWS_OF_LOSS: Laws = {
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

function lawsOfOutage({ begin, end }: NonNullable<ReplayStoreSetUp['outage']>): Laws {
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

function expectNotFirst(outcome: ReplayOutcome): void {
  expectThat(outcome !== 'first', 'a proof that was accepted before is "first" again');
}
