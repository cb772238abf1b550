import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { DpopHandshakes } from './dpop-handshakes.js';
import { GatewayPolicies } from './gateway-policies.js';

/** What an adapter for sockets takes out of the app. */
export interface SocketServices {
  readonly handshakes: DpopHandshakes;
  readonly sessions: DpopSessions;
  readonly gateways: GatewayPolicies;
}

/**
 * @param adapter its name, for the message
 * @throws TypeError for an app without `DpopModule`, and for one that registers it several times
 */
export function socketServicesOf(app: INestApplicationContext, adapter: string): SocketServices {
  const modules = modulesOf(app);
  return {
    handshakes: onlyOf(modules, DpopHandshakes, adapter),
    sessions: onlyOf(modules, DpopSessions, adapter),
    gateways: onlyOf(modules, GatewayPolicies, adapter),
  };
}

/** Every app of Nest has the container. Asked for a provider that is missing, Nest would end the process before our message. */
function modulesOf(app: INestApplicationContext): Pick<ModulesContainer, 'values'> {
  try {
    return app.get(ModulesContainer);
  } catch {
    // It is no app.
    return new Map();
  }
}

function onlyOf<T>(modules: Pick<ModulesContainer, 'values'>, type: Type<T>, adapter: string): T {
  const found = [...modules.values()].flatMap(({ providers }) => {
    const instance: unknown = providers.get(type)?.instance;
    return instance instanceof type ? [instance] : [];
  });
  const [only] = found;
  if (only === undefined) {
    throw new TypeError(
      `${adapter} must be given the app, new ${adapter}(app), and DpopModule.forRoot({ … }) must be imported there`,
    );
  }
  if (found.length === 1) return only;
  throw new TypeError(
    `${adapter} must know which registration of DpopModule verifies handshakes, and this app has ${found.length}. Register it once, in the root module`,
  );
}
