import { type DynamicModule, Module } from '@nestjs/common';
import { DpopModule, type DpopStorage, type JwtAccessTokenOptions } from 'nestjs-dpop';
import { AccountController } from './account.controller.js';
import { FeedGateway } from './feed.gateway.js';
import { Ledger } from './ledger.js';

/** Short, so that the thief's bench need not wait for long. */
export const MAX_PROOF_AGE_SECONDS = 10;

export interface BankOptions {
  /** The URL of the API, which clients sign. */
  readonly url: string;
  /** Whose tokens are accepted, and what they look like. */
  readonly accessToken: JwtAccessTokenOptions;
  /** The accounts, which all instances of the bank share. */
  readonly ledger: Ledger;
  /** Where the proofs and tickets that were used are recorded; default: the memory of the process. */
  readonly storage?: DpopStorage;
}

/** The bank, protected by DPoP. */
@Module({})
export class BankModule {
  static with({ url, accessToken, ledger, storage }: BankOptions): DynamicModule {
    return {
      module: BankModule,
      imports: [
        DpopModule.forRoot({
          origin: url,
          accessToken,
          proof: { algorithms: ['ES256'], maxAgeSeconds: MAX_PROOF_AGE_SECONDS, futureToleranceSeconds: 10 },
          tickets: { lifetimeSeconds: 10 },
          realm: 'bank',
          ...(storage && { storage }),
        }),
      ],
      controllers: [AccountController],
      providers: [{ provide: Ledger, useValue: ledger }, FeedGateway],
    };
  }
}
