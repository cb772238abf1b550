import type { DynamicModule, INestApplication, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import { ApiModule } from './api/api.module.js';
import { AuthorizationServerModule } from './authorization-server/authorization-server.module.js';
import { ADA, registerClients } from './authorization-server/registered.js';
import { SigningKeys } from './authorization-server/signing-keys.js';
import { createUser } from './authorization-server/users.js';

/** The authorization server and the API, both on loopback. */
export interface Stage {
  readonly issuer: string;
  readonly api: string;
  /** What the operator of the authorization server does from time to time. */
  rotateKeys(): Promise<void>;
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
  const [api, issuer] = [`http://127.0.0.1:${apiPort}`, `http://127.0.0.1:${issuerPort}`];
  const apps: INestApplication[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(apps.map((app) => app.close()));
  };
  const start = async (module: DynamicModule, port: number): Promise<INestApplication> => {
    const options = { forceCloseConnections: true, abortOnError: false, logger };
    const app = await NestFactory.create(module, options);
    apps.push(app);
    await app.listen(port, '127.0.0.1');
    return app;
  };
  try {
    const users = [await createUser(ADA.name, ADA.password)];
    const clients = registerClients(api);
    const server = await start(
      AuthorizationServerModule.register({ issuer, resource: api, clients, users }),
      issuerPort,
    );
    await start(ApiModule.register({ origin: api, issuer }), apiPort);
    return { issuer, api, rotateKeys: () => server.get(SigningKeys).rotate(), close };
  } catch (error) {
    await close();
    throw error;
  }
}
