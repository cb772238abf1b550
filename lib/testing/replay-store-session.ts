import { type ReplayClaim, type ReplayOutcome, type ReplayStore } from '../storage/replay.store.js';
import { TimedReplayStore } from '../storage/timed-replay.store.js';
import { CheckClock, createDigest, expectThat } from './conformance-check.js';
import type { ReplayStoreSetUp } from './replay-store-set-up.js';

const MAX_AGE_SECONDS = 60;
const FUTURE_TOLERANCE_SECONDS = 30;
const OUTCOMES: readonly unknown[] = ['first', 'replayed', 'unknown'] satisfies ReplayOutcome[];

/** What one check does with a store: makes claims, and lets time pass. */
export class ReplayStoreSession {
  readonly clock = new CheckClock();
  readonly #setUp: ReplayStoreSetUp;
  readonly #opened = new Set<ReplayStore>();

  constructor(setUp: ReplayStoreSetUp) {
    this.#setUp = setUp;
  }

  async open(): Promise<ReplayStore> {
    const store = await this.#setUp.open(this.clock.read);
    this.#opened.add(store);
    return store;
  }

  /** Several instances, or one if the store is that of one process. */
  async openInstances(): Promise<readonly [ReplayStore, ReplayStore]> {
    const one = await this.open();
    return [one, this.#setUp.shared === false ? one : await this.open()];
  }

  async close(): Promise<void> {
    for (const store of this.#opened) await this.#setUp.close?.(store);
  }

  /** A proof that was made just now, with a nonce of the present epoch. */
  async createClaim(store: ReplayStore, jkt: string = createDigest()): Promise<ReplayClaim> {
    await store.refreshEpoch?.(jkt);
    const proofTimeSeconds = Math.ceil(this.clock.nowSeconds);
    return {
      id: createDigest(),
      jkt,
      nowSeconds: this.clock.nowSeconds,
      proofTimeSeconds,
      freshUntilSeconds: proofTimeSeconds + MAX_AGE_SECONDS,
      lifetimeSeconds: MAX_AGE_SECONDS + FUTURE_TOLERANCE_SECONDS,
      epoch: store.epochOf(jkt),
    };
  }

  /** Claims the proof at the present. */
  async claim(store: ReplayStore, claim: ReplayClaim): Promise<ReplayOutcome> {
    const outcome: unknown = await store.claim({ ...claim, nowSeconds: this.clock.nowSeconds });
    expectThat(
      OUTCOMES.includes(outcome),
      `claim must answer "first", "replayed" or "unknown"; it answered ${String(outcome)}`,
    );
    return outcome as ReplayOutcome;
  }

  async expectOutcome(store: ReplayStore, claim: ReplayClaim, expected: ReplayOutcome): Promise<void> {
    const outcome = await this.claim(store, claim);
    expectThat(outcome === expected, `expected "${expected}", the store answered "${outcome}"`);
  }

  /** Records a new proof. */
  async record(store: ReplayStore): Promise<ReplayClaim> {
    const claim = await this.createClaim(store);
    await this.expectOutcome(store, claim, 'first');
    return claim;
  }

  /** The answer, or `failed`, within the deadline that the library sets. */
  async claimInTime(store: ReplayStore, claim: ReplayClaim): Promise<ReplayOutcome | 'failed'> {
    const timed = new TimedReplayStore(store);
    return await this.claim(timed, claim).catch(() => 'failed' as const);
  }

  async advance(seconds: number): Promise<void> {
    this.clock.advance(seconds);
    await this.#setUp.advance?.(seconds);
  }

  async lose(store: ReplayStore): Promise<ReplayStore> {
    const next = (await this.#setUp.lose?.(store, this.clock.read)) ?? store;
    this.#opened.add(next);
    return next;
  }
}
