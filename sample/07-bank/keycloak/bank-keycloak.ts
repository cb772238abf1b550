import { keycloak } from 'nestjs-dpop';
import type { Say } from '../../03-keycloak/keycloak/java-tools.js';
import { KeycloakServer } from '../../03-keycloak/keycloak/keycloak-server.js';
import type { StartIssuer } from '../authorization-server/running-issuer.js';
import { Phone } from '../phone/phone.js';
import { realmOf } from './realm.js';

/** A Keycloak with a realm for the bank. It takes a minute to start, and says what it does meanwhile. */
export function keycloakOfBank(say: Say): StartIssuer {
  return async ({ port, ...facts }) => {
    const phone = new Phone();
    const server = await KeycloakServer.start({
      realm: realmOf({ ...facts, phone }),
      port,
      hostname: 'localhost',
      say,
    });
    const { url, realm, issuer } = server;
    return {
      issuer,
      product: 'Keycloak',
      phone,
      accessTokenFor: (audience) => keycloak({ url, realm, audience }),
      close: () => server.close(),
    };
  };
}
