import { Inject, UseGuards } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Dpop, DpopBound, DpopGuard, RequireScopes } from 'nestjs-dpop';
import { map, type Observable } from 'rxjs';
import { type Account, Ledger } from './ledger.js';

/** The live feed of the account. The socket opens with a ticket, and is closed when the access token ends. */
@Dpop({ ticket: 'allow' })
@RequireScopes('account')
@UseGuards(DpopGuard)
@WebSocketGateway({ path: '/feed' })
export class FeedGateway {
  constructor(@Inject(Ledger) private readonly ledger: Ledger) {}

  @SubscribeMessage('watch')
  watch(
    @DpopBound('subject') user: string,
  ): Observable<{ readonly event: 'account'; readonly data: Account }> {
    return this.ledger.watch(user).pipe(map((data) => ({ event: 'account', data })));
  }
}
