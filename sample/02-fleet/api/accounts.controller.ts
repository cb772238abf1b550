import { Controller, Get, Inject, Post, ServiceUnavailableException } from '@nestjs/common';
import { Dpop, DpopBound, DpopHealthIndicator, SkipDpop } from 'nestjs-dpop';

@Controller()
export class AccountsController {
  constructor(@Inject(DpopHealthIndicator) private readonly dpop: DpopHealthIndicator) {}

  /** Public, for a health check: whether this instance can verify requests. */
  @SkipDpop()
  @Get('health')
  async health() {
    const health = await this.dpop.isHealthy();
    if (health.dpop.status === 'down') throw new ServiceUnavailableException(health);
    return health;
  }

  @Get('accounts')
  list(@DpopBound() jkt: string) {
    return { provedKey: jkt, accounts: [{ id: '1', owner: 'Ada', balance: 120 }] };
  }

  /** The proof needs a nonce of this service. */
  @Dpop({ nonce: 'required' })
  @Post('transfers')
  transfer() {
    return { transfer: 'done' };
  }
}
