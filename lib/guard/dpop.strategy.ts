import { Injectable, Logger } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { DpopUnavailableError } from '../errors/dpop.error.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { responseOf } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';
import type { DpopHttpException } from './dpop-http.exception.js';
import { toFailureException } from './failure-exception.js';

/** How `DpopGuard` asks its strategy. */
export interface DpopAuthenticateOptions {
  readonly dpop?: {
    /** Reaches the verdict on this request, under the policy of its route. */
    readonly authorize: () => Promise<DpopVerdict>;
  };
}

/**
 * The passport strategy `dpop`. Passport has one registry per process, in which the second app replaces the strategy of the
 * first; each guard therefore runs the strategy of its own app, and hands it the way to the verdict.
 */
@Injectable()
export class DpopStrategy extends PassportStrategy(Strategy, 'dpop') {
  constructor() {
    super({ passOptionsToCallback: true });
  }

  /**
   * Does for one request what passport does, without its registry. Reasons: `docs/performance.md`.
   *
   * @returns the verdict
   * @throws whatever `authorize` throws; DpopUnavailableError for an answer that is not the verdict that `authorize` reached
   */
  async run(request: object, authorize: () => Promise<DpopVerdict>): Promise<DpopVerdict> {
    let verdict: DpopVerdict | undefined;
    const options: DpopAuthenticateOptions = {
      dpop: { authorize: async () => (verdict = await authorize()) },
    };
    const answer = await new Promise<unknown>((success, error) => {
      // Passport fails a strategy whose `validate` returns nothing.
      const actions = { success, error, fail: () => success(undefined) };
      const strategy = Object.assign(Object.create(this) as DpopStrategy, actions);
      strategy.authenticate(request as never, options);
    });
    if (verdict === undefined || answer !== verdict) throw answeredOtherwise();
    return verdict;
  }

  /** @throws DpopHttpException, 503, when it was not called through `DpopGuard` */
  validate(request: unknown, options: DpopAuthenticateOptions | undefined): Promise<DpopVerdict> {
    if (options?.dpop === undefined) throw refuseWithoutGuard(request);
    return options.dpop.authorize();
  }
}

const logger = new Logger(DpopStrategy.name);

/** An override of `validate`, or another strategy in the place of this one. */
function answeredOtherwise(): DpopUnavailableError {
  return new DpopUnavailableError('verdict_missing', {
    advice:
      'the DpopStrategy of this app returned something else than the verdict on this request; return what super.validate() returns, and override handleRequest of DpopGuard to make a user of it',
  });
}

function refuseWithoutGuard(request: unknown): DpopHttpException {
  const failure = new DpopUnavailableError('verdict_missing', {
    advice: 'the strategy "dpop" works through DpopGuard only: replace AuthGuard("dpop") by DpopGuard',
  });
  OperatorLog.ofRequest(request).failed((level, text) => logger[level](text), failure, {});
  return toFailureException(failure, responseOf(request));
}
