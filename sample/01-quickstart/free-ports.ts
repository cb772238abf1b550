import { createServer, type AddressInfo, type Server } from 'node:net';

/**
 * Ports of loopback that nobody listens on, all different: the preferred ones where they are free, others where they
 * are not or where 0 is preferred. Both servers must know both addresses before either can start.
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
