import { describe, expect, test } from '@jest/globals';
import type { ReplayClaim } from '../storage/replay.store.js';
import { ClaimKeys, partitionOf, PARTITIONS } from './claim-keys.js';

/** The end of slice 10. */
const NOW = 1200;
const CLAIM: ReplayClaim = {
  id: 'abcdefghijklmnopQrstuvwxyz0123456789-_ABCDE',
  jkt: 'k'.repeat(43),
  nowSeconds: NOW,
  proofTimeSeconds: NOW,
  freshUntilSeconds: NOW + 60,
  lifetimeSeconds: 90,
  epoch: undefined,
};
const keys = new ClaimKeys('dpop:');

describe('the part of the clients (F2)', () => {
  test('is the first octet of the thumbprint', () => {
    for (const octet of [0, 1, 127, 255]) {
      const jkt = Buffer.from([octet, 255, ...Buffer.alloc(30)]).toString('base64url');
      expect(partitionOf(jkt)).toBe(octet);
    }
    expect(PARTITIONS).toBe(256);
  });

  test('is one all the same for what is no thumbprint', () => {
    expect(partitionOf('')).toBe(0);
  });
});

describe('the keys of a claim (F1, F4)', () => {
  test('are the ledger, the hash of the proof, and those of the other slices that are live', () => {
    expect(keys.of(7, CLAIM)).toEqual(['dpop:{7}:ledger', 'dpop:{7}:10.Q', 'dpop:{7}:11.Q']);
    // Half a slice later: a proof of the same `jti` may be of the slice before, and none is of one after.
    expect(keys.of(7, { ...CLAIM, nowSeconds: NOW + 60 })).toEqual([
      'dpop:{7}:ledger',
      'dpop:{7}:10.Q',
      'dpop:{7}:11.Q',
    ]);
    expect(
      keys.of(255, {
        ...CLAIM,
        proofTimeSeconds: NOW - 240,
        freshUntilSeconds: NOW + 120,
        lifetimeSeconds: 480,
      }),
    ).toEqual([
      'dpop:{255}:ledger',
      'dpop:{255}:8.Q',
      'dpop:{255}:7.Q',
      'dpop:{255}:9.Q',
      'dpop:{255}:10.Q',
      'dpop:{255}:11.Q',
    ]);
  });

  test('are all in the slot of the ledger', () => {
    const slots = keys.of(3, CLAIM).map((key) => /\{(.*?)\}/.exec(key)?.[1]);
    expect(new Set(slots)).toEqual(new Set(['3']));
    expect(keys.ledgerOf(3)).toBe('dpop:{3}:ledger');
  });
});
