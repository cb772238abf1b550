import { Body, Controller, Get, Inject, Post, Req, UseGuards } from '@nestjs/common';
import {
  Dpop,
  DpopBound,
  DpopGuard,
  type DpopTicket,
  DpopTickets,
  RequireAuthentication,
  RequireScopes,
} from 'nestjs-dpop';
import { type Account, type Entry, Ledger } from './ledger.js';
import { parseTransfer } from './transfer.js';

@UseGuards(DpopGuard)
@Controller()
export class AccountController {
  constructor(
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(DpopTickets) private readonly tickets: DpopTickets,
  ) {}

  @RequireScopes('account')
  @Get('account')
  read(@DpopBound('subject') user: string): Account {
    return this.ledger.accountOf(user);
  }

  @RequireScopes('account')
  @Get('statement')
  readStatement(@DpopBound('subject') user: string): readonly Entry[] {
    return this.ledger.accountOf(user).entries;
  }

  /** Money moves only with a nonce in the proof, the scope, and a user who has just confirmed with the second factor. */
  @Dpop({ nonce: 'required' })
  @RequireScopes('transfer')
  @RequireAuthentication({ acrValues: ['phr'], maxAgeSeconds: 300 })
  @Post('transfers')
  transfer(@DpopBound('subject') user: string, @Body() body: unknown): Account {
    const { to, amountCents } = parseTransfer(body);
    return this.ledger.transfer(user, to, amountCents);
  }

  /** A browser cannot set headers on a WebSocket. */
  @RequireScopes('account')
  @Post('tickets')
  async issueTicket(@Req() request: object): Promise<DpopTicket> {
    return await this.tickets.issue(request, '/feed');
  }
}
