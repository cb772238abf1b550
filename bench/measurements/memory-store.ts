import { MemoryReplayStore } from 'nestjs-dpop';
import { createClaims, createThumbprints } from '../load/claims.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, mediansOf, ratioOf, type Side } from '../rounds.js';

const FEW = 10_000;
const MANY = 1_000_000;
const NOW_SECONDS = 1_700_000_000;

/** The memory of a live proof in the process, and the CPU time of an insertion. */
export const memoryStore: Measurement = {
  name: 'memory-store',
  run: async () => {
    const before = bytesInUse();
    const store = fill(MANY);
    const bytes = (bytesInUse() - before) / MANY;
    const samples = await measureInRounds([insertsAt(FEW, () => fill(FEW)), insertsAt(MANY, () => store)], {
      rounds: 15,
      count: 2000,
      warmUp: 200,
      leadIn: 2000,
    });
    return [
      {
        id: 'memory-bytes',
        what: 'memory store: bytes for each live proof at 1,000,000',
        medians: { bytes },
        unit: 'B',
        result: bytes,
        resultUnit: 'B',
        target: { atMost: 100 },
      },
      {
        id: 'memory-insert',
        what: 'memory store: an insert at 1,000,000 live proofs, against one at 10,000',
        medians: mediansOf(samples),
        unit: 'µs',
        result: ratioOf(samples, nameOf(MANY), nameOf(FEW)),
        target: { atMost: 2 },
      },
    ];
  },
};

function fill(count: number): MemoryReplayStore {
  const store = new MemoryReplayStore({ maxEntries: 2 * MANY });
  const chunk = 10_000;
  for (let filled = 0; filled < count; filled += chunk) insert(store, chunk);
  return store;
}

function insert(store: MemoryReplayStore, count: number): void {
  for (const claim of createClaims(count, NOW_SECONDS, JKTS)) store.claim(claim);
}

const JKTS = createThumbprints(1000);

function insertsAt(size: number, storeOfSize: () => MemoryReplayStore): Side {
  return {
    name: nameOf(size),
    prepare: (count) => {
      const store = storeOfSize();
      const claims = createClaims(count, NOW_SECONDS, JKTS);
      return () => {
        for (const claim of claims) {
          if (store.claim(claim) !== 'first') throw new Error('a new proof was refused as a replay');
        }
      };
    },
  };
}

const nameOf = (size: number) => `at ${size.toLocaleString('en')}`;

/** `external` includes array buffers. */
function bytesInUse(): number {
  if (globalThis.gc === undefined) throw new Error('needs node --expose-gc');
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
