import type { DynamicModule, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Running } from '../01-quickstart/running.js';

export interface NestServer {
  readonly module: DynamicModule;
  readonly port: number;
  readonly logger: LoggerService | false;
  /** Called before the server listens. */
  readonly before?: (app: NestExpressApplication) => void;
}

/** Starts an app of Nest on a port of loopback. */
export async function startNest({ module, port, logger, before }: NestServer): Promise<Running> {
  const app = await NestFactory.create<NestExpressApplication>(module, {
    logger,
    abortOnError: false,
    forceCloseConnections: true,
  });
  before?.(app);
  await app.listen(port, '127.0.0.1');
  return { url: `http://localhost:${port}`, close: () => app.close() };
}
