import { Body, Controller, type DynamicModule, Get, Inject, Module, Post, Req } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { type Account, type Entry, Ledger } from '../bank/ledger.js';
import { parseTransfer } from '../bank/transfer.js';
import { findKeys } from './find-keys.js';
import { PlainGuard, type PlainRequest } from './plain.guard.js';

/** The same routes as those of the bank. */
@Controller()
class PlainController {
  constructor(@Inject(Ledger) private readonly ledger: Ledger) {}

  @Get('account')
  read(@Req() { user = '' }: PlainRequest): Account {
    return this.ledger.accountOf(user);
  }

  @Get('statement')
  readStatement(@Req() { user = '' }: PlainRequest): readonly Entry[] {
    return this.ledger.accountOf(user).entries;
  }

  @Post('transfers')
  transfer(@Req() { user = '' }: PlainRequest, @Body() body: unknown): Account {
    const { to, amountCents } = parseTransfer(body);
    return this.ledger.transfer(user, to, amountCents);
  }
}

/** The same bank with plain Bearer tokens, for comparison. */
@Module({})
export class PlainModule {
  static with(issuer: string, url: string): DynamicModule {
    return {
      module: PlainModule,
      controllers: [PlainController],
      providers: [
        Ledger,
        {
          provide: APP_GUARD,
          useFactory: async () => new PlainGuard(issuer, await findKeys(issuer), url),
        },
      ],
    };
  }
}
