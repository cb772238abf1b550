import type { LoggerService } from '@nestjs/common';
import { DpopWsAdapter } from 'nestjs-dpop/platform-ws';
import { findFreePorts } from '../01-quickstart/free-ports.js';
import type { Running } from '../01-quickstart/running.js';
import type { StartIssuer } from './authorization-server/running-issuer.js';
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
  /** The name of the authorization server. */
  readonly product: string;
  /** Where alice finds her one-time codes, if the authorization server asks for any. */
  readonly phone?: string;
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
  /** Default: oidc-provider. */
  readonly startIssuer?: StartIssuer;
}

/** Loaded only where it is used: with Keycloak, its warnings about the runtime would be of no concern. */
const startOidcProvider: StartIssuer = async (options) => {
  const { startBankAuthorizationServer } =
    await import('./authorization-server/bank-authorization-server.js');
  return await startBankAuthorizationServer(options);
};

export async function openStage({
  port = 0,
  tokenLifetimeSeconds = 600,
  logger = false,
  withRedis = false,
  startIssuer = startOidcProvider,
}: StageOptions = {}): Promise<Stage> {
  const ports = await findFreePorts([port, 0, 0, 0]);
  const [pagePort = 0, apiPort = 0, plainPort = 0, issuerPort = 0] = ports;
  const [page = '', api = '', plainApi = ''] = ports.map((number) => `http://localhost:${number}`);
  const running: Pick<Running, 'close'>[] = [];
  const close = async () => {
    await Promise.all(running.map((server) => server.close()));
  };
  try {
    const server = await startIssuer({ port: issuerPort, page, api, plainApi, tokenLifetimeSeconds });
    running.push(server);
    const { issuer, product, phone } = server;
    const cors = { origin: page, allowedHeaders: ['Authorization', 'DPoP', 'Content-Type'], maxAge: 600 };
    const bank = { url: api, accessToken: server.accessTokenFor(api), ledger: new Ledger() };
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
        module: PlainModule.with(issuer, plainApi),
        port: plainPort,
        logger,
        before: (app) => app.enableCors(cors),
      }),
    );
    const config = { issuer, api, plainApi, maxProofAgeSeconds: MAX_PROOF_AGE_SECONDS };
    running.push(await startPage({ port: pagePort, config, logger, phone }));
    return { page, api, plainApi, issuer, product, ...(phone && { phone: `${page}/phone` }), close };
  } catch (error) {
    await close();
    throw error;
  }
}
