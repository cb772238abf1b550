import type { LoggerService } from '@nestjs/common';
import { startApi } from './api/api.js';
import { startAuthorizationServer } from './authorization-server/authorization-server.js';
import { findFreePorts } from './free-ports.js';

/** The authorization server and the API, both on loopback. */
export interface Stage {
  readonly issuer: string;
  readonly api: string;
  close(): Promise<void>;
}

export interface StageOptions {
  /** Preferred ports; 0, the default, means any. */
  readonly ports?: { readonly api: number; readonly issuer: number };
  /** The logger of Nest; `false` for none. */
  readonly logger: LoggerService | false;
}

export async function openStage({ ports = { api: 0, issuer: 0 }, logger }: StageOptions): Promise<Stage> {
  const [apiPort = 0, issuerPort = 0] = await findFreePorts([ports.api, ports.issuer]);
  const authorizationServer = await startAuthorizationServer({
    port: issuerPort,
    resource: `http://127.0.0.1:${apiPort}`,
  });
  try {
    const api = await startApi({ port: apiPort, issuer: authorizationServer.url, logger });
    return {
      issuer: authorizationServer.url,
      api: api.url,
      close: async () => {
        await Promise.all([api.close(), authorizationServer.close()]);
      },
    };
  } catch (error) {
    await authorizationServer.close();
    throw error;
  }
}
