import type { Stage } from '../01-quickstart/stage.js';
import { startApi } from './api/api.js';
import type { Say } from './keycloak/java-tools.js';
import { KeycloakServer } from './keycloak/keycloak-server.js';
import { readRealm } from './realm.js';

/** Keycloak and the API, both on loopback. */
export async function openStage(say: Say): Promise<Stage> {
  const keycloak = await KeycloakServer.start({ realm: await readRealm(), say });
  try {
    const api = await startApi(keycloak);
    return {
      issuer: keycloak.issuer,
      api: api.url,
      close: async () => {
        await Promise.all([api.close(), keycloak.close()]);
      },
    };
  } catch (error) {
    await keycloak.close();
    throw error;
  }
}
