import { hash } from 'node:crypto';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { assertFreshness } from '../proof/proof-freshness.js';
import type { ProofClaims } from '../proof/proof-claims.js';
import { MemoryReplayStore } from './memory-replay.store.js';
import type { ReplayClaim } from './replay.store.js';

const NOW = 1_700_000_000;

interface Rules {
  readonly maxAgeSeconds: number;
  readonly futureToleranceSeconds: number;
}

const DEFAULT_RULES: Rules = { maxAgeSeconds: 60, futureToleranceSeconds: 30 };

/** What the verifier claims for a proof that arrives; `undefined` when the proof is not fresh. */
function claimOf(
  name: string,
  iat: number,
  nowSeconds: number,
  rules = DEFAULT_RULES,
): ReplayClaim | undefined {
  const times = { iat, exp: undefined, nbf: undefined } as ProofClaims;
  try {
    return {
      id: hash('sha256', name, 'base64url'),
      jkt: 'jkt',
      nowSeconds,
      proofTimeSeconds: Math.ceil(iat),
      freshUntilSeconds: Math.ceil(assertFreshness(times, nowSeconds, rules, undefined)),
      lifetimeSeconds: rules.maxAgeSeconds + rules.futureToleranceSeconds,
      epoch: undefined,
    };
  } catch {
    return undefined;
  }
}

function freshClaim(name: string, iat = NOW, nowSeconds = NOW): ReplayClaim {
  const claim = claimOf(name, iat, nowSeconds);
  if (claim === undefined) throw new Error('the proof is not fresh');
  return claim;
}

const milliseconds = (min: number, max: number) => fc.integer({ min, max }).map((value) => value / 1000);
const rulesArbitrary = fc.record({
  maxAgeSeconds: fc.integer({ min: 1, max: 200 }),
  futureToleranceSeconds: fc.integer({ min: 0, max: 100 }),
});

const ticketClaim = (
  name: string,
  expiresAtSeconds: number,
  nowSeconds: number,
  epoch: string,
): ReplayClaim => ({
  id: hash('sha256', name, 'base64url'),
  jkt: 'jkt',
  nowSeconds,
  proofTimeSeconds: expiresAtSeconds,
  freshUntilSeconds: expiresAtSeconds,
  lifetimeSeconds: 60,
  epoch,
  afterDataLoss: 'refuse',
});

describe.each(['accept', 'challenge'] as const)('a ticket, afterDataLoss: %s (J2)', (afterDataLoss) => {
  test('is first once', () => {
    const store = new MemoryReplayStore({ afterDataLoss });
    const claim = ticketClaim('a', NOW + 30, NOW, store.epochOf());
    expect([store.claim(claim), store.claim(claim)]).toEqual(['first', 'replayed']);
  });

  test('of another process, or of a predecessor of this one, is unknown', () => {
    const store = new MemoryReplayStore({ afterDataLoss });
    store.start(NOW - 3600);
    const ofAnother = new MemoryReplayStore().epochOf();
    expect(store.claim(ticketClaim('a', NOW + 30, NOW, ofAnother))).toBe('unknown');
    expect(store.claim(ticketClaim('a', NOW + 30, NOW, 'AAAAAAAA'))).toBe('unknown');
    expect(store.size).toBe(0);
  });

  test('is unknown once the clock was set back, and one that is issued then is not', () => {
    const store = new MemoryReplayStore({ afterDataLoss });
    const claim = ticketClaim('a', NOW + 30, NOW, store.epochOf());
    expect(store.claim(claim)).toBe('first');
    expect(store.claim(ticketClaim('b', NOW + 130, NOW + 100, store.epochOf()))).toBe('first');
    expect(store.claim({ ...claim, nowSeconds: NOW + 1 })).toBe('unknown');
    expect(store.claim(ticketClaim('c', NOW + 31, NOW + 1, store.epochOf()))).toBe('first');
  });
});

describe('one proof (F1)', () => {
  test('is first once, also with other claims in between', () => {
    const store = new MemoryReplayStore();
    expect(store.claim(freshClaim('a'))).toBe('first');
    expect(store.claim(freshClaim('b'))).toBe('first');
    expect(store.claim(freshClaim('a'))).toBe('replayed');
    expect(store.claim(freshClaim('a', NOW, NOW + 60))).toBe('replayed');
    expect(store.size).toBe(2);
  });

  test('is recognised by its jti: a second proof with another iat is a replay', () => {
    const store = new MemoryReplayStore();
    expect(store.claim(freshClaim('a', NOW))).toBe('first');
    expect(store.claim(freshClaim('a', NOW + 29))).toBe('replayed');
  });
});

describe('the record outlives the proof (F4)', () => {
  test('while the proof is fresh, it has its record', () => {
    const arrivals = fc.array(milliseconds(-150_000, 350_000), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(rulesArbitrary, milliseconds(0, 60_000), arrivals, (rules, offset, times) => {
        const store = new MemoryReplayStore();
        const outcomes: string[] = [];
        for (const [index, time] of times.toSorted((a, b) => a - b).entries()) {
          const nowSeconds = NOW + time;
          // Another client's proof makes the store forget what has expired.
          const noise = claimOf(`noise ${index}`, nowSeconds, nowSeconds, rules);
          if (noise !== undefined) store.claim(noise);
          const claim = claimOf('proof', NOW + offset, nowSeconds, rules);
          if (claim === undefined) continue;
          outcomes.push(store.claim(claim));
        }
        expect(outcomes).toEqual(outcomes.map((_, index) => (index === 0 ? 'first' : 'replayed')));
      }),
      { numRuns: 100 },
    );
  });

  test('at the last fresh instant, wherever it lies in a slice', () => {
    for (let quarters = 0; quarters < 4 * 32; quarters += 1) {
      const iat = NOW + quarters / 4;
      const store = new MemoryReplayStore();
      const outcomes = [
        store.claim(freshClaim('a', iat, iat - 30)),
        store.claim(freshClaim('b', iat + 60, iat + 60)),
        store.claim(freshClaim('a', iat, iat + 60)),
      ];
      expect(outcomes).toEqual(['first', 'first', 'replayed']);
    }
  });

  test('and not for long: an expired record takes no room', () => {
    const store = new MemoryReplayStore({ maxEntries: 3 });
    for (let round = 0; round < 10; round += 1) {
      const now = NOW + round * 90;
      for (const name of ['a', 'b', 'c'])
        expect(store.claim(freshClaim(`${name}${round}`, now, now))).toBe('first');
      expect(store.size).toBe(3);
    }
  });
});

describe('a full store (F7)', () => {
  test('throws, and has not dropped a live record', () => {
    const store = new MemoryReplayStore({ maxEntries: 3 });
    const names = ['a', 'b', 'c'];
    for (const name of names) store.claim(freshClaim(name));
    const full = expect.objectContaining({ status: 503, reason: 'replay_store_full' });
    for (const later of [0, 30, 60]) {
      let thrown: unknown;
      try {
        store.claim(freshClaim('d', NOW + later, NOW + later));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toEqual(full);
      for (const name of names) expect(store.claim(freshClaim(name, NOW, NOW + later))).toBe('replayed');
    }
    expect(store.claim(freshClaim('d', NOW + 90, NOW + 90))).toBe('first');
  });

  test('may be full with one record', () => {
    const store = new MemoryReplayStore({ maxEntries: 1 });
    expect(store.claim(freshClaim('a'))).toBe('first');
    expect(() => store.claim(freshClaim('b'))).toThrow(/cannot be verified/);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '10'])(
    'does not start with %p entries',
    (maxEntries) => {
      expect(() => new MemoryReplayStore({ maxEntries: maxEntries as number })).toThrow(/maxEntries/);
    },
  );
});

describe('a restart (F6)', () => {
  const challenging = (startedAtSeconds = NOW) => {
    const store = new MemoryReplayStore({ afterDataLoss: 'challenge' });
    store.start(startedAtSeconds);
    return store;
  };

  test('is accepted by default', () => {
    expect(new MemoryReplayStore().claim(freshClaim('a'))).toBe('first');
  });

  test('by option, is answered with a challenge as long as an old proof may be fresh, and nothing is recorded', () => {
    const store = challenging();
    expect(store.claim(freshClaim('a'))).toBe('unknown');
    expect(store.claim(freshClaim('a'))).toBe('unknown');
    expect(store.claim(freshClaim('b', NOW + 30, NOW + 30))).toBe('unknown');
    expect(store.size).toBe(0);
    expect(store.claim(freshClaim('c', NOW + 32, NOW + 32))).toBe('first');
  });

  test('a nonce that was issued since then proves that the proof is new', () => {
    const store = challenging();
    const epoch = store.epochOf();
    expect(epoch).toMatch(/^[\w-]{8}$/);
    expect(store.claim({ ...freshClaim('a'), epoch: new MemoryReplayStore().epochOf() })).toBe('unknown');
    expect(store.claim({ ...freshClaim('a'), epoch })).toBe('first');
    expect(store.claim({ ...freshClaim('a'), epoch })).toBe('replayed');
  });

  test('no proof that was accepted before is accepted after', () => {
    const times = fc.tuple(milliseconds(0, 300_000), milliseconds(0, 5000), milliseconds(0, 300_000));
    fc.assert(
      fc.property(
        rulesArbitrary,
        milliseconds(-100_000, 200_000),
        times,
        (rules, age, [seen, downtime, later]) => {
          const seenAt = NOW + seen;
          const iat = seenAt - age;
          if (claimOf('a', iat, seenAt, rules) === undefined) return;
          const restartAt = seenAt + downtime;
          const store = challenging(restartAt);
          const first = claimOf('first', restartAt, restartAt, rules);
          if (first !== undefined) expect(store.claim(first)).toBe('unknown');
          const again = claimOf('a', iat, restartAt + later, rules);
          if (again !== undefined) expect(store.claim(again)).toBe('unknown');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('also not within the second by which its record is rounded up', () => {
    const seenAt = NOW + 0.2;
    const store = challenging(seenAt);
    store.claim(freshClaim('first', seenAt, seenAt));
    // 30 seconds ahead, the most that is tolerated: the last of all proofs to grow old.
    expect(store.claim(freshClaim('a', seenAt + 30, seenAt))).toBe('unknown');
  });

  test.each([91, 200, 86_400])(
    'counts from the start: its first request %d seconds later is not in doubt',
    (later) => {
      expect(challenging().claim(freshClaim('a', NOW + later, NOW + later))).toBe('first');
    },
  );

  test.each([0, 30, 60, 90])(
    'counts from the start, not from its first request after %d seconds',
    (later) => {
      const store = challenging();
      store.claim(freshClaim('first', NOW + later, NOW + later));
      expect(store.claim(freshClaim('a', NOW + 30, NOW + later))).toBe('unknown');
      expect(store.claim(freshClaim('b', NOW + 91, NOW + 91))).toBe('first');
    },
  );

  test('counts from its creation if start was not called', () => {
    const store = new MemoryReplayStore({ afterDataLoss: 'challenge' });
    expect(store.claim(freshClaim('a'))).toBe('unknown');
    expect(store.claim(freshClaim('b', NOW + 32, NOW + 32))).toBe('first');
  });

  test('counts from its creation, however long before its first request that was', () => {
    const elapsed = jest.spyOn(performance, 'now').mockReturnValueOnce(5000).mockReturnValueOnce(7000);
    try {
      const store = new MemoryReplayStore({ afterDataLoss: 'challenge' });
      const claim = freshClaim('a');
      expect(store.claim({ ...claim, freshUntilSeconds: NOW + 88 })).toBe('unknown');
      expect(store.claim({ ...claim, freshUntilSeconds: NOW + 89 })).toBe('first');
      expect(elapsed).toHaveBeenCalledTimes(2);
    } finally {
      elapsed.mockRestore();
    }
  });

  test('a clock that is set back is a loss: proofs whose records were dropped may be fresh again', () => {
    const store = new MemoryReplayStore({ afterDataLoss: 'challenge' });
    store.start(NOW - 3600);
    const old = store.epochOf();
    expect(store.claim(freshClaim('a'))).toBe('first');
    expect(store.claim(freshClaim('b', NOW + 200, NOW + 200))).toBe('first');
    expect(store.claim(freshClaim('a'))).toBe('unknown');
    expect(store.claim({ ...freshClaim('a'), epoch: old })).toBe('unknown');
    expect(store.claim({ ...freshClaim('c'), epoch: store.epochOf() })).toBe('first');
    expect(store.claim(freshClaim('d', NOW + 400, NOW + 400))).toBe('first');
  });

  test('after the clock was set back, the latest time that it showed is in doubt, too', () => {
    const store = new MemoryReplayStore({ afterDataLoss: 'challenge' });
    store.start(NOW - 3600);
    store.claim(freshClaim('latest', NOW + 205, NOW + 205));
    store.claim(freshClaim('back'));
    expect(store.claim(freshClaim('seen then', NOW + 205, NOW + 205))).toBe('unknown');
  });

  test('accepts no third value', () => {
    expect(() => new MemoryReplayStore({ afterDataLoss: 'ignore' as 'accept' })).toThrow(/afterDataLoss/);
  });
});
