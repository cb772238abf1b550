import { NestFactory } from '@nestjs/core';
import type { Running } from '../../01-quickstart/running.js';
import { AppModule } from './app.module.js';
import { strategy } from './mcp.endpoint.js';

export interface ServerStartOptions {
  readonly port: number;
  readonly issuer: string;
}

/** Starts the MCP server on loopback. */
export async function startServer({ port, issuer }: ServerStartOptions): Promise<Running> {
  const origin = `http://127.0.0.1:${port}`;
  const app = await NestFactory.create(AppModule.register({ origin, issuer }), {
    forceCloseConnections: true,
    abortOnError: false,
    logger: false,
  });
  app.connectMicroservice({ strategy });
  await app.init();
  await app.startAllMicroservices();
  await app.listen(port, '127.0.0.1');
  return { url: `${origin}/mcp`, close: () => app.close() };
}
