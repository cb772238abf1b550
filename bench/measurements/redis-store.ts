import { Redis } from 'ioredis';
import type { ReplayClaim } from 'nestjs-dpop';
import { RedisStorage } from 'nestjs-dpop/redis';
import { concurrently } from '../concurrently.js';
import { createClaims, createThumbprints } from '../load/claims.js';
import { startRedis } from '../load/redis-server.js';
import type { Measurement } from '../measurement.js';
import { ownCpuMicros } from '../rounds.js';

const PROOFS = 1_000_000;
const PLAIN = 50_000;
const CHUNK = 10_000;
const LANES = 128;

/** The memory of a live proof in Redis, compared with one key per proof, as other libraries do it. */
export const redisStore: Measurement = {
  name: 'redis-store',
  run: async () => {
    const redis = await startRedis();
    const observer = new Redis(redis.url);
    const plain = await record(observer, PLAIN, async ({ id }) => {
      await observer.set(`dpop:${id}`, '1', 'PX', 90_000, 'NX');
    });
    await observer.flushall();

    const storage = new RedisStorage(redis.url, { deadlineMs: 10_000, afterDataLoss: 'accept' });
    await storage.open();
    const ours = await record(observer, PROOFS, async (claim) => {
      const outcome = await storage.replayStore.claim(claim);
      if (outcome !== 'first') throw new Error(`a new proof was answered with ${outcome}`);
    });
    await storage.close();
    observer.disconnect();
    await redis.stop();
    return [
      {
        id: 'redis-bytes',
        what: 'Redis: bytes for each live proof at 1,000,000',
        medians: { 'nestjs-dpop': ours.bytes, 'SET … PX … NX': plain.bytes },
        unit: 'B',
        result: ours.bytes,
        resultUnit: 'B',
        target: { atMost: 45 },
      },
      {
        id: 'redis-claim',
        what: `Redis: CPU of the client for a claim, against SET … PX … NX (${Math.round(ours.perSecond)} claims a second)`,
        medians: { 'nestjs-dpop': ours.cpuMicros, 'SET … PX … NX': plain.cpuMicros },
        unit: 'µs',
        result: ours.cpuMicros / plain.cpuMicros,
      },
    ];
  },
};

interface Recorded {
  readonly bytes: number;
  readonly cpuMicros: number;
  readonly perSecond: number;
}

async function record(
  observer: Redis,
  count: number,
  claim: (claim: ReplayClaim) => Promise<void>,
): Promise<Recorded> {
  const jkts = createThumbprints(10_000);
  const bytesBefore = await usedBytes(observer);
  let cpuMicros = 0;
  let elapsedMs = 0;
  for (let recorded = 0; recorded < count; recorded += CHUNK) {
    const claims = createClaims(CHUNK, Date.now() / 1000, jkts);
    const [cpuBefore, startedMs] = [ownCpuMicros(), performance.now()];
    await concurrently(claims, LANES, claim);
    cpuMicros += ownCpuMicros() - cpuBefore;
    elapsedMs += performance.now() - startedMs;
  }
  const bytes = ((await usedBytes(observer)) - bytesBefore) / count;
  return { bytes, cpuMicros: cpuMicros / count, perSecond: (count / elapsedMs) * 1000 };
}

async function usedBytes(observer: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await observer.info('memory'))?.[1]);
}
