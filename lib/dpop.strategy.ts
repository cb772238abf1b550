import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import type { DpopVerdict } from './dpop.verdict.js';

/** How `DpopGuard` asks its strategy. */
export interface DpopAuthenticateOptions {
  readonly dpop?: { readonly admit: () => Promise<DpopVerdict> };
}

/**
 * The passport strategy `dpop`. It verifies nothing itself: passport is one registry per process, in which the second
 * app replaces the strategy of the first, and so each guard has the strategy and the verifier of its own app.
 */
@Injectable()
export class DpopStrategy extends PassportStrategy(Strategy, 'dpop') {
  constructor() {
    super({ passOptionsToCallback: true });
  }

  /**
   * Does for one request what passport does, without its registry, which anybody may write to. Passport also assigns
   * functions to each request's strategy; V8 allocates those among what lives long, and with them would stay the request.
   *
   * @param admit reaches the verdict; whoever calls keeps it, since another strategy may answer without having asked
   * @throws whatever `admit` does
   */
  run(request: object, admit: () => Promise<DpopVerdict>): Promise<unknown> {
    return new Promise<unknown>((success, error) => {
      const actions = { success, error, fail: error };
      const strategy = Object.assign(Object.create(this) as DpopStrategy, actions);
      const options: DpopAuthenticateOptions = { dpop: { admit } };
      strategy.authenticate(request as never, options);
    });
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
