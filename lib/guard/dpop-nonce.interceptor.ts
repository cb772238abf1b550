import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import type { Place } from '../http/place.js';
import { dpopResponseHeaders } from '../http/response-headers.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { placeOf } from '../transport/route-name.js';
import { transportOf } from '../transport/transport.js';
import { writeHeaders } from '../transport/write-headers.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { toFailureException } from './failure-exception.js';

/**
 * Adds a fresh nonce to the response of a route: the header `DPoP-Nonce`, with `Cache-Control: no-store`. A client that calls
 * such a route first needs no challenge on its first call of a protected route. It is for the nonce endpoint of OpenID4VCI.
 *
 * @example
 * ```ts
 * @UseInterceptors(DpopNonceInterceptor)
 * @Post('nonce')
 * create() {}
 * ```
 * @throws DpopHttpException, 503, when the nonce secrets are not available
 * @see RFC 9449 §8.2 and §9, OpenID4VCI 1.0 §7
 */
@Injectable()
export class DpopNonceInterceptor implements NestInterceptor {
  private readonly logger = new Logger(DpopNonceInterceptor.name);

  constructor(
    @Inject(DpopVerifier) private readonly verifier: DpopVerifier,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): ReturnType<CallHandler['handle']> {
    const { request, response } = transportOf(context) ?? {};
    if (response !== undefined) {
      const nonce = this.issueNonce(placeOf(context, request), response);
      writeHeaders(response, this.adapterHost.httpAdapter, dpopResponseHeaders({ nonce }), undefined);
    }
    return next.handle();
  }

  private issueNonce(place: Place, response: object): string {
    try {
      return this.verifier.issueNonce();
    } catch (thrown) {
      const error = toDpopError(thrown);
      const failure =
        error instanceof DpopError ? new DpopUnavailableError('internal_failure', { cause: error }) : error;
      OperatorLog.of(this.config).failed((level, text) => this.logger[level](text), failure, place);
      throw toFailureException(failure, response);
    }
  }
}
