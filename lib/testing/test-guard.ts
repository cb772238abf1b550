import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { DpopError, toDpopError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { routePolicyOf } from '../guard/route-policy.js';
import { toTransportException } from '../guard/transport-exception.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { transportOf, unknownTransport } from '../transport/transport.js';
import { assertRequirements } from '../verification/policy-checks.js';
import { type DpopPolicy, isReportOnly } from '../verification/policy.js';
import { leaveVerdict, recordOf } from '../verification/request-record.js';
import { createUnenforcedVerdict, type DpopVerdict } from '../verification/verdict.js';
import { createTestVerdict, type TestVerdictOptions } from './test-verdict.js';

/**
 * Takes the place of `DpopGuard` in tests that skip cryptography: requests need neither token nor proof, and get the verdict
 * that the test sets. The decorators of the routes still apply: a route without the right scope answers 403, and
 * `@SkipDpop()` leaves a route open. What only `DpopGuard` knows does not apply: the options of the module, `handleRequest`
 * of a guard of your own, challenges, nonces and decisions.
 *
 * @example
 * ```ts
 * const guard = new TestGuard({ subject: 'alice', scopes: ['accounts:read'] });
 * // Test.createTestingModule({ imports: [AppModule] }).overrideGuard(DpopGuard).useValue(guard)
 * guard.use({ subject: 'bob' }); // for the next requests
 * guard.use(undefined); // they have no credentials
 * ```
 */
export class TestGuard implements CanActivate {
  readonly #clock: Clock;
  #verdict: DpopVerdict | undefined;

  /**
   * @param verdict what requests have proved
   * @param clock for `@RequireAuthentication({ maxAgeSeconds })`; returns milliseconds since the Unix epoch
   * @throws Error if `NODE_ENV` is `production`, where it would let every request in
   */
  constructor(verdict: TestVerdictOptions = {}, clock: Clock = systemClock) {
    if (process.env['NODE_ENV'] === 'production')
      throw new Error('TestGuard verifies nothing; it must not be used where NODE_ENV is "production"');
    this.#clock = clock;
    this.use(verdict);
  }

  /** What the following requests have proved; `undefined` for requests without credentials. */
  use(verdict: TestVerdictOptions | undefined): void {
    this.#verdict = verdict && createTestVerdict(verdict);
  }

  /** @throws DpopHttpException with the status and the code that `DpopGuard` answers */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const service = { nonce: 'off', bearer: 'reject' } as const;
    const policy = routePolicyOf(context.getHandler(), context.getClass(), service, DpopGuard);
    if (policy === undefined) return true;
    const request: object | undefined = transportOf(context)?.request;
    try {
      if (request === undefined) throw unknownTransport();
      await this.#authorize(request, policy);
    } catch (thrown) {
      const error = toDpopError(thrown);
      if (request === undefined || !isReportOnly(policy))
        throw toTransportException(context, new DpopHttpException(error));
      leaveVerdict(request, createUnenforcedVerdict(error));
    }
    return true;
  }

  async #authorize(request: { user?: unknown }, policy: DpopPolicy): Promise<void> {
    const verdict = this.#verdict;
    if (verdict === undefined) {
      if (policy.anonymous !== 'allow') throw new DpopError('credentials_missing');
      recordOf(request).isAnonymous = true;
      return;
    }
    const asked = assertRequirements(verdict, policy, this.#clock() / 1000);
    if (asked !== undefined) await asked;
    request.user = verdict;
    leaveVerdict(request, verdict);
  }
}
