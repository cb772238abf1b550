import { setTimeout as pause } from 'node:timers/promises';
import { TestIssuer } from 'nestjs-dpop/testing';
import type { Instance } from './api/api.js';
import type { ApiOptions } from './api/app.module.js';
import { Front } from './front.js';
import { RedisProcess } from './redis-process.js';

export const INSTANCES = 3;
const READY_LIMIT_MS = 20_000;

/** Redis, three instances of the API behind a front, and an issuer, all on loopback. */
export interface Stage {
  readonly api: string;
  readonly instances: readonly string[];
  readonly issuer: TestIssuer;
  readonly redis: RedisProcess;
  /** Waits until each instance reports that it can verify requests. */
  untilHealthy(): Promise<void>;
  close(): Promise<void>;
}

/** @param startInstance starts an instance in this process or in a new one */
export async function openStage(startInstance: (options: ApiOptions) => Promise<Instance>): Promise<Stage> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    // In reverse order, because later parts need earlier ones.
    for (const part of opened.splice(0).toReversed()) await part.close();
  };
  const keep = <Part extends { close(): Promise<void> }>(part: Part): Part => {
    opened.push(part);
    return part;
  };
  try {
    const redis = keep(await RedisProcess.prepare());
    await redis.start();
    const front = keep(await Front.listen());
    const issuer = keep(await TestIssuer.listen({ audience: front.url }));
    const options = { origin: front.url, issuer: issuer.issuer, redis: redis.url };
    const starting = Array.from({ length: INSTANCES }, async () => keep(await startInstance(options)));
    const instances = (await settleAll(starting)).map(({ url }) => url);
    front.distributeTo(instances);
    const untilHealthy = async (): Promise<void> => {
      await Promise.all(instances.map(untilInstanceHealthy));
    };
    await untilHealthy();
    return { api: front.url, instances, issuer, redis, untilHealthy, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Waits for all, because an instance that starts late must be closed too. */
async function settleAll<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

async function untilInstanceHealthy(url: string): Promise<void> {
  const limit = AbortSignal.timeout(READY_LIMIT_MS);
  for (;;) {
    const response = await fetch(`${url}/health`, { signal: limit });
    await response.body?.cancel();
    if (response.ok) return;
    await pause(20, undefined, { signal: limit });
  }
}
