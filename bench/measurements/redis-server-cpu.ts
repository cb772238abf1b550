import { Redis } from 'ioredis';
import { RedisStorage } from 'nestjs-dpop/redis';
import { concurrently } from '../concurrently.js';
import { createClaims, createThumbprints } from '../load/claims.js';
import { startRedis } from '../load/redis-server.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, mediansOf, ratioOf, type Side } from '../rounds.js';

const CONCURRENT = 64;
/** The live records of a busy service, so that most claims find their hash. */
const LEAD_IN = 300_000;

/** The CPU time that a claim costs Redis, compared with the simplest command. One Redis serves the whole fleet. */
export const redisServerCpu: Measurement = {
  name: 'redis-server-cpu',
  run: async () => {
    const redis = await startRedis();
    const observer = new Redis(redis.url);
    const plain = new Redis(redis.url);
    const storage = new RedisStorage(redis.url, { deadlineMs: 10_000 });
    await storage.open();
    const { replayStore } = storage;
    const jkts = createThumbprints(10_000);
    const claims = (count: number) =>
      createClaims(count, Date.now() / 1000, jkts).map((claim) => ({
        ...claim,
        epoch: replayStore.epochOf(claim.jkt),
      }));
    const sides: readonly Side[] = [
      {
        name: 'claim',
        prepare: (count) => {
          const items = claims(count);
          return () =>
            concurrently(items, CONCURRENT, async (claim) => {
              const outcome = await replayStore.claim(claim);
              if (outcome !== 'first') throw new Error(`a new proof was answered with ${outcome}`);
            });
        },
      },
      {
        name: 'SET … PX … NX',
        prepare: (count) => {
          const items = claims(count);
          return () =>
            concurrently(items, CONCURRENT, async ({ id }) => {
              await plain.set(`dpop:${id}`, '1', 'PX', 90_000, 'NX');
            });
        },
      },
    ];
    const samples = await measureInRounds(sides, {
      rounds: 15,
      count: 10_000,
      warmUp: 2000,
      leadIn: LEAD_IN,
      cpuMicros: async () => cpuMicrosOf(await observer.info('cpu')),
    });
    await storage.close();
    observer.disconnect();
    plain.disconnect();
    await redis.stop();
    return [
      {
        id: 'redis-server-cpu',
        what: `Redis: CPU of the server for a claim, ${CONCURRENT} concurrent, against SET … PX … NX`,
        medians: mediansOf(samples),
        unit: 'µs',
        result: ratioOf(samples, 'claim', 'SET … PX … NX'),
        target: { atMost: 1.5 },
      },
    ];
  },
};

function cpuMicrosOf(info: string): number {
  const seconds = ['used_cpu_user', 'used_cpu_sys'].map((name) =>
    Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]),
  );
  return seconds.reduce((sum, value) => sum + value, 0) * 1_000_000;
}
