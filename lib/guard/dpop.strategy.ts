import { Injectable, Logger } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { DpopHttpException } from './dpop-http.exception.js';

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
   * @param admit reaches the verdict; the caller keeps it, since another strategy may answer without having asked
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

  /** @throws DpopHttpException, 503, when it was not called through `DpopGuard` */
  validate(request: unknown, options: DpopAuthenticateOptions | undefined): Promise<DpopVerdict> {
    if (options?.dpop === undefined) throw refuseWithoutGuard(request);
    return options.dpop.admit();
  }
}

const logger = new Logger(DpopStrategy.name);

function refuseWithoutGuard(request: unknown): DpopHttpException {
  const failure = new DpopUnavailableError('verdict_missing', {
    advice: 'the strategy "dpop" works through DpopGuard only: replace AuthGuard("dpop") by DpopGuard',
  });
  OperatorLog.ofRequest(request).failed((level, text) => logger[level](text), failure, {});
  return new DpopHttpException(failure);
}
