import { Controller, Get, type LoggerService, Req, UseGuards } from '@nestjs/common';
import {
  DpopGuard,
  DpopModule,
  type DpopModuleOptions,
  type DpopVerdict,
  getDpopVerdict,
  RequireRoles,
  RequireScopes,
} from 'nestjs-dpop';
import type { Platform } from '../support/platforms.js';
import { createRootModule } from '../support/root-module.js';
import { type RunningApp, startApp } from '../support/running-app.js';

/** What `/verdict` answers. */
export type Answer = Pick<
  DpopVerdict,
  'jkt' | 'subject' | 'clientId' | 'scopes' | 'roles' | 'clientRoles' | 'claims'
>;

@UseGuards(DpopGuard)
@Controller()
class LiveController {
  @Get('verdict')
  verdict(@Req() request: object): Answer | undefined {
    return getDpopVerdict(request);
  }

  @RequireScopes('statements:read')
  @Get('statements')
  statements() {
    return {};
  }

  @RequireRoles('teller')
  @Get('counter')
  counter() {
    return {};
  }

  @RequireRoles('approver')
  @Get('approvals-of-the-realm')
  approvalsOfTheRealm() {
    return {};
  }

  @RequireRoles({ client: 'accounts-api', role: 'approver' })
  @Get('approvals')
  approvals() {
    return {};
  }
}

export type LiveOptions = Pick<DpopModuleOptions, 'accessToken' | 'revocation'> & {
  readonly logger?: LoggerService;
};

/**
 * An app whose routes are guarded. `/verdict` requires nothing more, `/statements` the scope `statements:read`, `/counter`
 * the role `teller`, `/approvals-of-the-realm` the role `approver`, and `/approvals` the role `approver` of the client
 * `accounts-api`.
 */
export async function startLiveApp(
  platform: Platform,
  { logger, ...options }: LiveOptions,
): Promise<RunningApp> {
  const dpop = DpopModule.forRoot({ origin: () => app.url, ...options });
  const app: RunningApp = await startApp(
    platform,
    createRootModule({ dpop, controllers: [LiveController] }),
    { forceCloseConnections: true, ...(logger !== undefined && { logger }) },
  );
  return app;
}
