import { RedisStorage } from 'nestjs-dpop/redis';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import type { Running } from '../01-quickstart/running.js';
import { Front } from '../02-fleet/front.js';
import { RedisProcess } from '../02-fleet/redis-process.js';
import type { BankOptions } from './bank/bank.module.js';

const INSTANCES = 3;

/** Starts several instances of the bank behind one address, with a Redis of their own. */
export async function startFleet(
  port: number,
  bank: BankOptions,
  start: (options: BankOptions, port: number) => Promise<Running>,
): Promise<Running> {
  const opened: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of opened.splice(0).toReversed()) await part.close();
  };
  try {
    const redis = await RedisProcess.prepare();
    opened.push(redis);
    await redis.start();
    const front = await Front.listen(port);
    opened.push(front);
    const instances: Running[] = [];
    for (const free of await findFreePorts(Array.from({ length: INSTANCES }, () => 0))) {
      const instance = await start({ ...bank, storage: new RedisStorage(redis.url) }, free);
      opened.push(instance);
      instances.push(instance);
    }
    front.distributeTo(instances.map(({ url }) => url.replace('localhost', '127.0.0.1')));
    return { url: bank.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
