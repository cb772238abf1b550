import { NestFactory } from '@nestjs/core';
import { type ApiOptions, AppModule } from './app.module.js';

/** One instance of the fleet. */
export interface Instance {
  /** The address of the instance, which only the front uses. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts one instance of the API on a free port of loopback, in this process. */
export async function startApi(options: ApiOptions): Promise<Instance> {
  const app = await NestFactory.create(AppModule.register(options), {
    forceCloseConnections: true,
    abortOnError: false,
    // The demo prints each outage itself. A real service needs its logger.
    logger: false,
  });
  await app.listen(0, '127.0.0.1');
  return { url: await app.getUrl(), close: () => app.close() };
}
