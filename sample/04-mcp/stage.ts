import { startAuthorizationServer } from '../01-quickstart/authorization-server/authorization-server.js';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import { startServer } from './server/server.js';

/** The authorization server and the MCP server, both on loopback. */
export interface Stage {
  readonly issuer: string;
  /** The URL of the MCP server, with its path. */
  readonly server: string;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const [serverPort = 0, issuerPort = 0] = await findFreePorts([0, 0]);
  const authorizationServer = await startAuthorizationServer({
    port: issuerPort,
    resource: `http://127.0.0.1:${serverPort}/mcp`,
    scopes: ['mcp', 'statements:read'],
  });
  try {
    const server = await startServer({ port: serverPort, issuer: authorizationServer.url });
    return {
      issuer: authorizationServer.url,
      server: server.url,
      close: async () => {
        await Promise.all([server.close(), authorizationServer.close()]);
      },
    };
  } catch (error) {
    await authorizationServer.close();
    throw error;
  }
}
