import type { INestApplication, LoggerService, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { WebSocketAdapter } from '@nestjs/common';
import { DpopIoAdapter } from 'nestjs-dpop/platform-socket.io';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { AppModule, type ApiOptions } from './app.module.js';
import { LiveGateway } from './live.gateway.js';
import { AdminGateway, RoomsGateway } from './rooms.gateway.js';

/** What differs between the two APIs: the adapter, in one line, and the gateways. */
const SOCKETS = {
  ws: { gateways: [LiveGateway], createAdapter: (app) => new DpopWsAdapter(app) },
  'socket.io': { gateways: [RoomsGateway, AdminGateway], createAdapter: (app) => new DpopIoAdapter(app) },
} as const satisfies Record<string, Sockets>;

interface Sockets {
  readonly gateways: readonly Type[];
  readonly createAdapter: (app: INestApplication) => WebSocketAdapter;
}

export interface ApiStartOptions extends Pick<ApiOptions, 'issuer' | 'audience' | 'login'> {
  readonly port: number;
  readonly sockets: keyof typeof SOCKETS;
  readonly logger: LoggerService | false;
}

export interface Api {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts a Nest API on loopback. */
export async function startApi({ port, sockets, logger, ...options }: ApiStartOptions): Promise<Api> {
  const url = `http://127.0.0.1:${port}`;
  const { gateways, createAdapter } = SOCKETS[sockets];
  const app = await NestFactory.create(AppModule.register({ ...options, origin: url, gateways }), {
    forceCloseConnections: true,
    abortOnError: false,
    logger,
  });
  app.useWebSocketAdapter(createAdapter(app));
  await app.listen(port, '127.0.0.1');
  return { url, close: () => app.close() };
}
