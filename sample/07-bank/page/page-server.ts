import { join } from 'node:path';
import type { LoggerService } from '@nestjs/common';
import type { Running } from '../../01-quickstart/running.js';
import type { Phone } from '../phone/phone.js';
import { startNest } from '../start-nest.js';
import { type PageConfig, PageModule } from './page.module.js';

/** From the root of the repository, where npm starts the demo: the page needs no build step. */
const FILES = 'sample/07-bank/page/public';
const PHONE_FILES = 'sample/07-bank/phone/public';
const OAUTH4WEBAPI = 'node_modules/oauth4webapi/build/index.js';

export interface PageOptions {
  readonly port: number;
  readonly config: PageConfig;
  readonly logger: LoggerService | false;
  /** Served at `/phone`, if there is one. */
  readonly phone?: Phone | undefined;
}

/** Serves the single-page client, and oauth4webapi as it is installed. */
export async function startPage({ port, config, logger, phone }: PageOptions): Promise<Running> {
  const { api, plainApi } = config;
  // A source with a path would allow this path only.
  const { origin: issuer } = new URL(config.issuer);
  const policy = [
    "default-src 'self'",
    `connect-src 'self' ${issuer} ${api} ${plainApi} ${api.replace('http', 'ws')}`,
    "base-uri 'none'",
    `form-action 'self' ${issuer}`,
    "frame-ancestors 'none'",
  ].join('; ');
  return await startNest({
    module: PageModule.with(config, phone),
    port,
    logger,
    before: (app) => {
      app.use(
        (_request: unknown, response: { setHeader(name: string, value: string): void }, next: () => void) => {
          response.setHeader('Content-Security-Policy', policy);
          response.setHeader('Referrer-Policy', 'no-referrer');
          response.setHeader('X-Content-Type-Options', 'nosniff');
          next();
        },
      );
      app.useStaticAssets(join(process.cwd(), FILES));
      app.useStaticAssets(join(process.cwd(), OAUTH4WEBAPI, '..'), { prefix: '/vendor/' });
      if (phone !== undefined) app.useStaticAssets(join(process.cwd(), PHONE_FILES), { prefix: '/phone/' });
    },
  });
}
