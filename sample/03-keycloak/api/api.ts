import { NestFactory } from '@nestjs/core';
import { findFreePorts } from '../../01-quickstart/free-ports.js';
import type { Running } from '../../01-quickstart/running.js';
import { AppModule, type Realm } from './app.module.js';

/** Starts the Nest API on a free port of loopback. */
export async function startApi(realm: Realm): Promise<Running> {
  const [port = 0] = await findFreePorts([0]);
  const url = `http://127.0.0.1:${port}`;
  const app = await NestFactory.create(AppModule.register({ origin: url, realm }), {
    forceCloseConnections: true,
    abortOnError: false,
    logger: false,
  });
  await app.listen(port, '127.0.0.1');
  return { url, close: () => app.close() };
}
