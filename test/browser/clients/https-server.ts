import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { Running } from '../../../sample/01-quickstart/running.js';
import type { SelfSignedCertificate } from '../../support/self-signed-certificate.js';

/** Listens on a port of loopback. */
export async function serveHttps(
  port: number,
  { cert, key }: SelfSignedCertificate,
  listener: RequestListener,
): Promise<Running> {
  const server = createServer({ cert, key }, listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `https://localhost:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
