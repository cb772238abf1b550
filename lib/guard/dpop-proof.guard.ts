import { type CanActivate, type ExecutionContext, Inject, Injectable, Logger } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { AuthorizationServerConfig } from '../config/authorization-server-config.js';
import { AUTHORIZATION_SERVER_CONFIG } from '../config/injection-tokens.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { dpopResponseHeaders } from '../http/response-headers.js';
import { publishUnexamined } from '../telemetry/decisions.js';
import { OperatorLog } from '../telemetry/operator-log.js';
import { describeReceived } from '../telemetry/received-values.js';
import { toDpopRequest } from '../transport/http-dpop-request.js';
import { placeOf, routeNameOf } from '../transport/route-name.js';
import { transportOf } from '../transport/transport.js';
import { writeHeaders } from '../transport/write-headers.js';
import { DpopProofVerifier } from '../verification/dpop-proof.verifier.js';
import type { ProofExamination } from '../verification/proof-examination.js';
import type { ProofPolicy } from '../verification/proof-policy.js';
import { leaveProof } from '../verification/request-record.js';
import { DpopOAuthException } from './dpop-oauth.exception.js';
import { proofPolicyOf } from './dpop-proof.decorator.js';
import { HostRoutes } from './host-routes.js';

/**
 * Lets a request to an authorization server through only with a valid DPoP proof, or without a proof where the policy
 * accepts that. There is no access token. It is for token, pushed authorization, device authorization and backchannel
 * authentication endpoints. `@DpopBound()` hands the thumbprint of the key to the handler.
 *
 * @example
 * ```ts
 * @UseGuards(DpopProofGuard)
 * @Controller('token')
 * export class TokenController {
 *   @Post()
 *   issue(@DpopBound() jkt: string) {}
 * }
 * ```
 * @throws DpopOAuthException with the JSON of RFC 6749 §5.2; a nonce is in the header
 * @see RFC 9449 §5 and §8
 */
@Injectable()
export class DpopProofGuard implements CanActivate {
  private readonly logger = new Logger(DpopProofGuard.name);
  private readonly hostRoutes: HostRoutes;

  constructor(
    @Inject(DpopProofVerifier) protected readonly verifier: DpopProofVerifier,
    @Inject(AUTHORIZATION_SERVER_CONFIG) private readonly config: AuthorizationServerConfig,
    @Inject(HttpAdapterHost) protected readonly adapterHost: HttpAdapterHost,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    this.hostRoutes = new HostRoutes(modules);
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    let examination: ProofExamination | undefined;
    try {
      const { request, response } = httpOf(context);
      examination = this.verifier.examineOnce(request, () => this.getDpopRequest(context, request));
      const nameRoute = () => routeNameOf(context, request);
      const verdict = await examination.authorize(this.getPolicy(context), nameRoute);
      leaveProof(request, verdict);
      // RFC 6749 §5.1: no cache stores what these endpoints answer.
      this.write(response, dpopResponseHeaders({ nonce: verdict?.nextNonce }), undefined);
      return true;
    } catch (thrown) {
      throw this.toException(context, examination, thrown);
    }
  }

  /** The policy of the endpoint. */
  protected getPolicy(context: ExecutionContext): ProofPolicy {
    return proofPolicyOf(context.getHandler(), context.getClass(), this.config.proofPolicy);
  }

  /**
   * What is verified: method, target and raw headers of the request.
   *
   * @param request of the platform
   * @throws DpopUnavailableError when the request does not tell them
   */
  protected getDpopRequest(context: ExecutionContext, request: object): DpopRequest {
    const servesHost = this.hostRoutes.rule(context.getClass(), () =>
      this.adapterHost.httpAdapter.getRequestHostname(request),
    );
    const dpopRequest = toDpopRequest(request, servesHost);
    if (dpopRequest === undefined) throw unknownTransport();
    return dpopRequest;
  }

  /** Tells the operator of a refusal, holds its headers for the response, and makes the exception. */
  private refuse(
    context: ExecutionContext,
    error: DpopError | DpopUnavailableError,
    examination?: ProofExamination,
  ): DpopOAuthException {
    const { request, response } = transportOf(context) ?? {};
    const place = placeOf(context, request);
    const log = OperatorLog.of(this.config);
    const writeLine = (level: 'debug' | 'warn' | 'error', text: string) => this.logger[level](text);
    const isRefusal = error instanceof DpopError;
    if (isRefusal) {
      const isShown = this.config.logReceivedValues && examination !== undefined;
      log.refused(writeLine, error, place, isShown ? () => describeReceived(examination.request) : undefined);
    } else {
      log.failed(writeLine, error, place);
    }
    const headers = isRefusal
      ? { nonce: error.details.nonce }
      : { retryAfterSeconds: error.retryAfterSeconds };
    const status = isRefusal ? 400 : error.status;
    const takeBack = response && this.write(response, dpopResponseHeaders(headers), status);
    return new DpopOAuthException(error, takeBack);
  }

  private write(
    response: object,
    headers: ReturnType<typeof dpopResponseHeaders>,
    status: number | undefined,
  ): (() => void) | undefined {
    return writeHeaders(response, this.adapterHost.httpAdapter, headers, status);
  }

  private toException(
    context: ExecutionContext,
    examination: ProofExamination | undefined,
    thrown: unknown,
  ): DpopOAuthException {
    const error = toDpopError(thrown);
    const request = transportOf(context)?.request;
    if (examination === undefined) publishUnexamined(error, placeOf(context, request));
    else examination.publishRejection(error, () => routeNameOf(context, request));
    return this.refuse(context, error, examination);
  }
}

/** Proofs of an authorization server come by HTTP only. */
function httpOf(context: ExecutionContext): { readonly request: object; readonly response: object } {
  const transport = context.getType() === 'http' ? transportOf(context) : undefined;
  if (transport?.response === undefined) throw unknownTransport();
  return { request: transport.request, response: transport.response };
}

function unknownTransport(): DpopUnavailableError {
  return new DpopUnavailableError('transport_unknown', {
    advice:
      'DpopProofGuard takes only HTTP requests of Node, Express and Fastify; put it on routes of controllers',
  });
}
