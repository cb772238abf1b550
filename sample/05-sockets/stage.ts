import type { LoggerService } from '@nestjs/common';
import { TestIssuer } from 'nestjs-dpop/testing';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import { type Api, startApi } from './api/api.js';

/** Two APIs, one for each kind of sockets, and the issuer of their tokens. All of them on loopback. */
export interface Stage {
  readonly issuer: TestIssuer;
  /** The URL of the API with plain WebSockets. */
  readonly ws: string;
  /** The URL of the API with socket.io. */
  readonly io: string;
  close(): Promise<void>;
}

export interface StageOptions {
  /** The port of the API with plain WebSockets, if it is free. */
  readonly port?: number;
  readonly logger?: LoggerService | false;
}

export async function openStage({ port = 0, logger = false }: StageOptions = {}): Promise<Stage> {
  const [wsPort = 0, ioPort = 0] = await findFreePorts([port, 0]);
  const issuer = await TestIssuer.listen();
  const apis: Api[] = [];
  const close = async () => {
    await Promise.all(apis.map((api) => api.close()));
    await issuer.close();
  };
  try {
    const login = (jkt: string) => issuer.issueToken({ jkt });
    const options = { issuer: issuer.issuer, audience: issuer.audience, login, logger };
    apis.push(await startApi({ ...options, port: wsPort, sockets: 'ws' }));
    apis.push(await startApi({ ...options, port: ioPort, sockets: 'socket.io' }));
  } catch (error) {
    await close();
    throw error;
  }
  const [ws, io] = apis.map(({ url }) => url);
  return { issuer, ws: String(ws), io: String(io), close };
}
