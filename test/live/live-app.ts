import { Controller, Get, UseGuards } from '@nestjs/common';
import {
  type AccessTokenClaims,
  DpopBound,
  DpopGuard,
  DpopModule,
  type DpopVerdict,
  type JwtAccessTokenOptions,
  RequireScopes,
} from 'nestjs-dpop';
import type { Platform } from '../support/platforms.js';
import { createRootModule } from '../support/root-module.js';
import { type RunningApp, startApp } from '../support/running-app.js';

/** What the handlers answer. */
export type Answer = Pick<DpopVerdict, 'jkt' | 'subject' | 'clientId' | 'scopes' | 'claims'>;

@UseGuards(DpopGuard)
@Controller()
class LiveController {
  @Get('verdict')
  verdict(
    @DpopBound() jkt: string,
    @DpopBound('subject') subject: string,
    @DpopBound('clientId') clientId: string | undefined,
    @DpopBound('scopes') scopes: readonly string[],
    @DpopBound('claims') claims: AccessTokenClaims,
  ): Answer {
    return { jkt, subject, clientId, scopes, claims };
  }

  @RequireScopes('statements:read')
  @Get('statements')
  statements() {
    return {};
  }
}

/** An app with a guarded route `/verdict`, and `/statements`, which requires the scope `statements:read`. */
export async function startLiveApp(
  platform: Platform,
  accessToken: JwtAccessTokenOptions,
): Promise<RunningApp> {
  const dpop = DpopModule.forRoot({ origin: () => app.url, accessToken });
  const app: RunningApp = await startApp(
    platform,
    createRootModule({ dpop, controllers: [LiveController] }),
    {
      forceCloseConnections: true,
    },
  );
  return app;
}
