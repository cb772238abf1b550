import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Running } from '../running.js';
import { AppModule } from './app.module.js';

export interface ApiStartOptions {
  readonly port: number;
  readonly issuer: string;
  readonly logger: LoggerService | false;
}

/** Starts the Nest API on loopback. */
export async function startApi({ port, issuer, logger }: ApiStartOptions): Promise<Running> {
  const url = `http://127.0.0.1:${port}`;
  const app = await NestFactory.create(AppModule.register({ origin: url, issuer }), {
    forceCloseConnections: true,
    abortOnError: false,
    logger,
  });
  await app.listen(port, '127.0.0.1');
  return { url, close: () => app.close() };
}
