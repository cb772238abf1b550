import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import type { DpopVerdict } from './dpop.verdict.js';

/** How `DpopGuard` asks its strategy, in the options of one call to passport. */
export interface DpopAuthenticateOptions {
  readonly dpop?: { readonly admit: () => Promise<DpopVerdict> };
}

/**
 * The passport strategy `dpop`. It verifies nothing itself: passport is one registry per process, in which the second
 * app replaces the strategy of the first, and so each guard hands over the verifier of its own app.
 */
@Injectable()
export class DpopStrategy extends PassportStrategy(Strategy, 'dpop') {
  constructor() {
    super({ passOptionsToCallback: true });
  }

  /** @throws ServiceUnavailableException when it was not called through `DpopGuard` */
  validate(_request: unknown, options: DpopAuthenticateOptions | undefined): Promise<DpopVerdict> {
    if (options?.dpop === undefined) {
      throw new ServiceUnavailableException(
        'The strategy "dpop" works through DpopGuard only: use @UseGuards(DpopGuard)',
      );
    }
    return options.dpop.admit();
  }
}
