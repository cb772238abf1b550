import { describe, expect, jest, test } from '@jest/globals';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { type ReplayClaim, type ReplayOutcome, ReplayStore } from './replay.store.js';
import { isReplayOutage, TimedReplayStore } from './timed-replay.store.js';

const CLAIM: ReplayClaim = {
  id: 'id',
  jkt: 'jkt',
  nowSeconds: 0,
  proofTimeSeconds: 0,
  freshUntilSeconds: 60,
  lifetimeSeconds: 90,
  epoch: undefined,
};

type Answer<T> = () => T | Promise<T>;

class FakeStore extends ReplayStore {
  override readonly deadlineMs = 5;
  readonly asked: string[] = [];

  constructor(readonly answer: Answer<ReplayOutcome>) {
    super();
  }

  override claim(): ReplayOutcome | Promise<ReplayOutcome> {
    return this.answer();
  }

  override epochOf(jkt: string): string {
    return `epoch of ${jkt}`;
  }
}

/** One that may be asked whether its memory is still the same. */
class LookingStore extends FakeStore {
  constructor(
    readonly look: Answer<void>,
    outcome: ReplayOutcome = 'first',
  ) {
    super(() => outcome);
  }

  override refreshEpoch(jkt: string): Promise<void> {
    this.asked.push(jkt);
    return this.look() as Promise<void>;
  }
}

class UnhurriedStore extends ReplayStore {
  override claim = () => new Promise<ReplayOutcome>(() => {});
  override epochOf = () => '';
}

const never = <T>() => new Promise<T>(() => {});
const failureOf = (answer: Answer<ReplayOutcome>) =>
  new TimedReplayStore(new FakeStore(answer)).claim(CLAIM).catch((error: unknown) => error);

describe('a replay store, held to its deadline (F5)', () => {
  test.each<ReplayOutcome>(['first', 'replayed', 'unknown'])(
    'is heard when it answers, with a promise or without: %s',
    async (outcome) => {
      expect(await failureOf(() => outcome)).toBe(outcome);
      expect(await failureOf(async () => outcome)).toBe(outcome);
    },
  );

  test('has no timer when it answers without a promise, and its answer is not judged here', async () => {
    jest.useFakeTimers();
    try {
      for (const answer of ['first', null, 7]) {
        const store = new TimedReplayStore(new LookingStore(() => undefined, answer as ReplayOutcome));
        expect(await store.claim(CLAIM)).toBe(answer);
        await store.refreshEpoch('jkt');
        expect(jest.getTimerCount()).toBe(0);
      }
    } finally {
      jest.useRealTimers();
    }
  });

  test('that fails is not available, for a reason that is kept', async () => {
    const cause = new Error('no connection');
    const fail = () => {
      throw cause;
    };
    for (const answer of [fail, async () => fail()]) {
      const failure = await failureOf(answer);
      expect(failure).toBeInstanceOf(DpopUnavailableError);
      expect(failure).toMatchObject({ reason: 'replay_store_unavailable', cause, advice: undefined });
    }
  });

  test('may name another reason', async () => {
    const full = new DpopUnavailableError('replay_store_full');
    expect(await failureOf(() => Promise.reject(full))).toBe(full);
  });

  test('that does not answer is given up, and the operator is told which and when (D9)', async () => {
    expect(await failureOf(never)).toMatchObject({
      reason: 'replay_store_unavailable',
      advice: 'FakeStore did not answer within 5 ms',
    });
    await expect(new TimedReplayStore(new UnhurriedStore()).claim(CLAIM)).rejects.toMatchObject({
      advice: 'UnhurriedStore did not answer within 250 ms',
    });
  });
});

describe('a look at the memory of a replay store (F6)', () => {
  const refresh = async (store: ReplayStore) => new TimedReplayStore(store).refreshEpoch('jkt');

  test('is what the store does, and is waited for', async () => {
    let hasLooked = false;
    const store = new LookingStore(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      hasLooked = true;
    });
    await refresh(store);
    expect(store.asked).toEqual(['jkt']);
    expect(hasLooked).toBe(true);
  });

  test('never fails, and ends within the deadline', async () => {
    const fail = () => {
      throw new Error('no connection');
    };
    for (const look of [fail, async () => fail(), never<void>, () => undefined]) {
      const store = new LookingStore(look);
      await expect(refresh(store)).resolves.toBeUndefined();
      expect(store.asked).toHaveLength(1);
    }
    await expect(refresh(new FakeStore(() => 'first'))).resolves.toBeUndefined();
  });

  test('tells the epoch of the client', () => {
    expect(new TimedReplayStore(new FakeStore(() => 'first')).epochOf('jkt')).toBe('epoch of jkt');
  });
});

test('an outage is a store that does not answer; one that is full, or refuses, has answered (F5)', () => {
  expect(isReplayOutage(new DpopUnavailableError('replay_store_unavailable'))).toBe(true);
  expect(isReplayOutage(new DpopUnavailableError('replay_store_full'))).toBe(false);
  expect(isReplayOutage(new DpopError('proof_replayed'))).toBe(false);
  expect(isReplayOutage({ reason: 'replay_store_unavailable' })).toBe(false);
  expect(isReplayOutage(undefined)).toBe(false);
});
