import type { INestApplicationContext, Type } from '@nestjs/common';
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
  return {
    handshakes: onlyOf(app, DpopHandshakes, adapter),
    sessions: onlyOf(app, DpopSessions, adapter),
    gateways: onlyOf(app, GatewayPolicies, adapter),
  };
}

function onlyOf<T>(app: INestApplicationContext, type: Type<T>, adapter: string): T {
  const found = findAll(app, type, adapter);
  const [only] = found;
  if (found.length === 1 && only !== undefined) return only;
  throw new TypeError(
    `${adapter} must know which registration of DpopModule verifies handshakes, and this app has ${found.length}. Register it once, in the root module`,
  );
}

function findAll<T>(app: INestApplicationContext, type: Type<T>, adapter: string): readonly T[] {
  try {
    return app.get<T>(type, { strict: false, each: true });
  } catch {
    throw new TypeError(
      `${adapter} must be given the app, new ${adapter}(app), and DpopModule.forRoot({ … }) must be imported there`,
    );
  }
}
