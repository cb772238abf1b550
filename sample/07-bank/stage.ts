import type { LoggerService } from '@nestjs/common';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import type { Running } from '../01-quickstart/running.js';
import { startBankAuthorizationServer } from './authorization-server/bank-authorization-server.js';
import { BankModule, type BankOptions, MAX_PROOF_AGE_SECONDS } from './bank/bank.module.js';
import { Ledger } from './bank/ledger.js';
import { startFleet } from './fleet.js';
import { startPage } from './page/page-server.js';
import { PlainModule } from './plain/plain.module.js';
import { startNest } from './start-nest.js';

/** The page, the bank, its copy with Bearer tokens, and their authorization server: four origins on loopback. */
export interface Stage {
  readonly page: string;
  readonly api: string;
  readonly plainApi: string;
  readonly issuer: string;
  close(): Promise<void>;
}

export interface StageOptions {
  /** The port of the page, if it is free; 0, the default, means any. */
  readonly port?: number;
  /** Default 600. */
  readonly tokenLifetimeSeconds?: number;
  readonly logger?: LoggerService | false;
  /** Three instances of the bank behind a front, which share a Redis. */
  readonly withRedis?: boolean;
}

export async function openStage({
  port = 0,
  tokenLifetimeSeconds = 600,
  logger = false,
  withRedis = false,
}: StageOptions = {}): Promise<Stage> {
  const ports = await findFreePorts([port, 0, 0, 0]);
  const [pagePort = 0, apiPort = 0, plainPort = 0, issuerPort = 0] = ports;
  const [page = '', api = '', plainApi = ''] = ports.map((number) => `http://localhost:${number}`);
  const running: Running[] = [];
  const close = async () => {
    await Promise.all(running.map((server) => server.close()));
  };
  try {
    const resources = [api, plainApi];
    const issuer = await startBankAuthorizationServer({
      port: issuerPort,
      page,
      resources,
      tokenLifetimeSeconds,
    });
    running.push(issuer);
    const cors = { origin: page, allowedHeaders: ['Authorization', 'DPoP', 'Content-Type'], maxAge: 600 };
    const bank = { url: api, issuer: issuer.url, ledger: new Ledger() };
    const startBank = (options: BankOptions, bankPort: number) =>
      startNest({
        module: BankModule.with(options),
        port: bankPort,
        logger,
        before: (app) => {
          app.enableCors(cors);
          app.useWebSocketAdapter(new DpopWsAdapter(app));
        },
      });
    if (withRedis) running.push(await startFleet(apiPort, bank, startBank));
    else running.push(await startBank(bank, apiPort));
    running.push(
      await startNest({
        module: PlainModule.with(issuer.url, plainApi),
        port: plainPort,
        logger,
        before: (app) => app.enableCors(cors),
      }),
    );
    const config = { issuer: issuer.url, api, plainApi, maxProofAgeSeconds: MAX_PROOF_AGE_SECONDS };
    running.push(await startPage(pagePort, config, logger));
    return { page, api, plainApi, issuer: issuer.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
