import { NestFactory } from '@nestjs/core';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import type { Stage } from '../01-quickstart/stage.js';
import { AppModule } from './api/app.module.js';
import type { Say } from './keycloak/java-tools.js';
import { KeycloakServer } from './keycloak/keycloak-server.js';

/** Keycloak and the API, both on loopback. */
export async function openStage(say: Say): Promise<Stage> {
  const keycloak = await KeycloakServer.start(say);
  try {
    const [port = 0] = await findFreePorts([0]);
    const origin = `http://127.0.0.1:${port}`;
    const app = await NestFactory.create(AppModule.register({ origin, issuer: keycloak.issuer }), {
      forceCloseConnections: true,
      abortOnError: false,
      logger: false,
    });
    await app.listen(port, '127.0.0.1');
    return {
      issuer: keycloak.issuer,
      api: origin,
      close: async () => {
        await Promise.all([app.close(), keycloak.close()]);
      },
    };
  } catch (error) {
    await keycloak.close();
    throw error;
  }
}
