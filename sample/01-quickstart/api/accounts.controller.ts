import { Controller, Delete, Get, NotFoundException, Param, Post } from '@nestjs/common';
import { Dpop, DpopBound, RequireScopes, SkipDpop } from 'nestjs-dpop';

interface Account {
  readonly id: string;
  readonly owner: string;
  readonly balance: number;
}

/** The guard of the whole app (see `app.module.ts`) protects every route that is not marked `@SkipDpop()`. */
@Controller()
export class AccountsController {
  readonly #accounts = new Map<string, Account>([
    ['1', { id: '1', owner: 'Ada', balance: 120 }],
    ['2', { id: '2', owner: 'Grace', balance: 340 }],
  ]);

  /** Public: no token, no proof. */
  @SkipDpop()
  @Get('health')
  health() {
    return { status: 'up' };
  }

  /** Protected: needs a token that is bound to a key, and a proof that is signed with this key. */
  @Get('accounts')
  list(@DpopBound() jkt: string) {
    return { provedKey: jkt, accounts: [...this.#accounts.values()] };
  }

  @Get('accounts/:id')
  find(@Param('id') id: string) {
    const account = this.#accounts.get(id);
    if (account === undefined) throw new NotFoundException();
    return account;
  }

  @Delete('accounts/:id')
  remove(@Param('id') id: string) {
    return { removed: this.#accounts.delete(id) };
  }

  /** Protected; the token also needs this scope. */
  @RequireScopes('statements:read')
  @Get('statements')
  statements(@DpopBound('clientId') clientId: string) {
    return { for: clientId, statements: ['2025-01', '2025-02'] };
  }

  /** Protected; the proof also needs a nonce of this service, so that no proof can be made in advance. */
  @Dpop({ nonce: 'required' })
  @Post('transfers')
  transfer() {
    return { transfer: 'done' };
  }
}
