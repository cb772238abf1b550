import { Controller, Get } from '@nestjs/common';
import { type AccessTokenClaims, DpopBound, RequireScopes } from 'nestjs-dpop';

/** The guard of the whole app protects each route; see `api.module.ts`. */
@RequireScopes('accounts:read')
@Controller('accounts')
export class AccountsController {
  @Get()
  list(@DpopBound() jkt: string, @DpopBound('claims') { sub }: AccessTokenClaims): object {
    return { owner: sub, provedKey: jkt, accounts: [{ id: '1', balance: 120 }] };
  }
}
