import type { ReplayClaim, ReplayOutcome, ReplayStore } from '../storage/replay.store.js';
import { type ConformanceCheck, createDigest, expectThat } from './conformance-check.js';
import { expectNotFirst, LAWS_OF_LOSS, type Laws, lawsOfOutage } from './replay-store-loss-checks.js';
import { ReplayStoreSession } from './replay-store-session.js';
import { assertReplayStoreSetUp, type ReplayStoreSetUp } from './replay-store-set-up.js';

const COPIES = 1000;
const DEFAULT_LIVE_RECORDS = 5000;
/** `proof.maxAgeSeconds` is an option of the service, and a proof whose time is ahead is fresh for longer still. */
const LONG_AGE_SECONDS = 3600;

/**
 * What every `ReplayStore` must do, as a list of checks for any test runner. The stores of this library pass them.
 *
 * @example
 * ```ts
 * // for (const { name, run } of replayStoreChecks({ open: () => new MyReplayStore(url) })) test(name, run);
 * const checks = replayStoreChecks({ open: () => new MemoryReplayStore(), shared: false });
 * for (const { run } of checks) await run();
 * ```
 * @throws TypeError that names a member of the set-up which is missing, unknown or of another kind
 * @see RFC 9449 §11.1
 */
export function replayStoreChecks(setUp: ReplayStoreSetUp): readonly ConformanceCheck[] {
  assertReplayStoreSetUp(setUp);
  const { lose, outage, liveRecords = DEFAULT_LIVE_RECORDS } = setUp;
  const laws: Laws = {
    ...LAWS,
    ...lawOfLiveRecords(liveRecords),
    ...(lose && LAWS_OF_LOSS),
    ...(outage && lawsOfOutage(outage)),
  };
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

  'tells ids apart whose first 15 characters are the same': async (session) => {
    const store = await session.open();
    const claim = await session.createClaim(store);
    const [head, tail] = [claim.id.slice(0, 15), claim.id.slice(16)];
    for (const character of 'aB7_')
      await session.expectOutcome(store, { ...claim, id: `${head}${character}${tail}` }, 'first');
    await session.expectOutcome(store, { ...claim, id: `${head}a${tail}` }, 'replayed');
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
    await expectKept(session, store, claim);
  },

  'keeps the record of a proof that is fresh for an hour until its last second': async (session) => {
    const store = await session.open();
    const present = await session.createClaim(store);
    const claim: ReplayClaim = {
      ...present,
      freshUntilSeconds: present.proofTimeSeconds + LONG_AGE_SECONDS,
      lifetimeSeconds:
        present.lifetimeSeconds - present.freshUntilSeconds + present.proofTimeSeconds + LONG_AGE_SECONDS,
    };
    await session.expectOutcome(store, claim, 'first');
    await expectKept(session, store, claim);
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

function lawOfLiveRecords(count: number): Laws {
  return {
    [`keeps a record while ${count.toLocaleString('en')} others are added`]: async (session) => {
      const store = await session.open();
      const claim = await session.record(store);
      const added: Promise<ReplayOutcome>[] = [];
      for (let at = 0; at < count; at += 1) {
        added.push(session.claim(store, { ...claim, id: createDigest() }));
        if (at % 500 === 499) await Promise.all(added.splice(0));
      }
      await Promise.all(added);
      await session.expectOutcome(store, claim, 'replayed');
    },
  };
}

/** Claims a recorded proof again and again until the second in which it ends. */
async function expectKept(
  session: ReplayStoreSession,
  store: ReplayStore,
  claim: ReplayClaim,
): Promise<void> {
  const beginSeconds = session.clock.nowSeconds;
  const secondsIn = (seconds: number) => Math.round(seconds - beginSeconds);
  for (let steps = 0; steps < 9; steps += 1) {
    await session.advance((claim.freshUntilSeconds - session.clock.nowSeconds) / (9 - steps));
    const outcome = await session.claim(store, claim);
    expectThat(
      outcome === 'replayed',
      `expected "replayed", the store answered "${outcome}" ${secondsIn(session.clock.nowSeconds)} s after the proof was recorded; it is fresh for ${secondsIn(claim.freshUntilSeconds)} s`,
    );
    // What is new may drive out what is old.
    await session.record(store);
  }
}
