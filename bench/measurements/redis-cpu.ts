import { RedisStorage } from 'nestjs-dpop/redis';
import { TestIssuer } from 'nestjs-dpop/testing';
import { createHolder, freshRequests, ProtectedService } from '../load/protected-service.js';
import { startRedis } from '../load/redis-server.js';
import type { Measurement } from '../measurement.js';
import { measureInRounds, mediansOf, ratioOf } from '../rounds.js';

/** The CPU time that a round trip to Redis costs the Node process. */
export const redisCpu: Measurement = {
  name: 'redis-cpu',
  run: async () => {
    const redis = await startRedis();
    const issuer = await TestIssuer.create();
    const holder = await createHolder(issuer);
    const memory = await ProtectedService.start(issuer);
    const shared = await ProtectedService.start(issuer, {
      storage: new RedisStorage(redis.url, { deadlineMs: 5000, afterDataLoss: 'accept' }),
    });
    const requests = (count: number) => freshRequests(holder, count);
    const samples = await measureInRounds(
      [memory.side('in-memory replay', requests), shared.side('Redis replay', requests)],
      { rounds: 41, count: 500, warmUp: 200, leadIn: 3000 },
    );
    await Promise.all([memory.close(), shared.close()]);
    await redis.stop();
    return [
      {
        id: 'redis-cpu',
        what: 'verify with Redis replay on loopback, 16 concurrent, CPU of the Node process, against in-memory',
        medians: mediansOf(samples),
        unit: 'µs',
        result: ratioOf(samples, 'Redis replay', 'in-memory replay'),
        target: { atMost: 1.35 },
      },
    ];
  },
};
