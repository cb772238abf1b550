import { createServer, type AddressInfo, type Server } from 'node:net';

/**
 * Finds different free ports of loopback: each preferred one if it is free and not 0, otherwise any. Each server must
 * know both addresses before it can start.
 */
export async function findFreePorts(preferred: readonly number[]): Promise<readonly number[]> {
  const servers: Server[] = [];
  for (const port of preferred) servers.push(await listen(port).catch(() => listen(0)));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}
