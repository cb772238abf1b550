import {
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  Logger,
  Optional,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { dpopResponseHeaders, toRecord } from '../http/response-headers.js';
import { type FailureOutcome, PASSED } from '../telemetry/explanations.js';
import { toDpopRequest } from '../transport/http-dpop-request.js';
import { placeOf, routeNameOf } from '../transport/route-name.js';
import { transportOf, unknownTransport } from '../transport/transport.js';
import { writeHeaders } from '../transport/write-headers.js';
import { DpopSessions } from '../sessions/dpop-sessions.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import { type DpopPolicy, isReportOnly } from '../verification/policy.js';
import { leaveVerdict, recordOf, responseOf } from '../verification/request-record.js';
import { createUnenforcedVerdict, type DpopVerdict } from '../verification/verdict.js';
import { beginActivation, type DpopActivation, publishRejection } from './activation.js';
import { awaitAppUser, isRefusalOfApp } from './app-user.js';
import { DpopHttpException } from './dpop-http.exception.js';
import { DpopStrategy } from './dpop.strategy.js';
import { endAtExpiry } from './end-at-expiry.js';
import { toFailureException } from './failure-exception.js';
import { HostRoutes } from './host-routes.js';
import { Refusals } from './refusals.js';
import { RoutePolicies } from './route-policy.js';
import { toTransportException } from './transport-exception.js';
import { Trial } from './trial.js';

type DpopFailure = DpopError | DpopUnavailableError;

/**
 * Lets a request through only with a DPoP-bound access token and a fresh proof of the bound key. May be bound to
 * handlers, to controllers, globally, and to all three at once. Works for HTTP, GraphQL, messages on sockets that an adapter
 * of this library opened, and calls of MCP servers; for another transport, override `getRequest` and `getDpopRequest`. An
 * unknown transport is refused.
 *
 * @example
 * ```ts
 * @UseGuards(DpopGuard)
 * @Controller('accounts')
 * export class AccountsController {}
 * ```
 * @throws DpopHttpException with the status and the code of the refusal; challenge and nonce are in the headers
 * @see RFC 9449 §7
 */
@Injectable()
export class DpopGuard extends AuthGuard('dpop') implements CanActivate {
  private readonly logger = new Logger(DpopGuard.name);
  private readonly refusals: Refusals;
  private readonly hostRoutes: HostRoutes;
  private readonly policies: RoutePolicies;

  constructor(
    @Inject(DpopVerifier) protected readonly verifier: DpopVerifier,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
    @Inject(Reflector) protected readonly reflector: Reflector,
    @Inject(HttpAdapterHost) protected readonly adapterHost: HttpAdapterHost,
    @Inject(DpopStrategy) private readonly strategy: DpopStrategy,
    @Inject(ModulesContainer) protected readonly modules: ModulesContainer,
    @Inject(DpopSessions) protected readonly sessions: DpopSessions,
    // Guards of apps hand over the others.
    @Optional() @Inject(Trial) private readonly trial?: Trial,
  ) {
    super();
    this.refusals = new Refusals(config, (level, text) => this.logger[level](text));
    this.hostRoutes = new HostRoutes(modules);
    this.policies = new RoutePolicies(config.policy, DpopGuard);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const activation = beginActivation(context, this.config.policy);
    try {
      const policy = this.getPolicy(context);
      if (policy === undefined) return true;
      activation.policy = policy;
      const request = (activation.request = this.getRequest(context));
      recordOf(request).response ??= transportOf(context)?.response;
      const dpopRequest = () => this.getDpopRequest(context, request);
      const examination = (activation.examination = this.verifier.examineOnce(request, dpopRequest));
      const nameRoute = () => routeNameOf(context, request);
      if (policy.anonymous === 'allow' && examination.isAnonymous(policy)) {
        recordOf(request).isAnonymous = true;
        examination.decisions.anonymous(nameRoute);
        return true;
      }
      const verdict = await this.strategy.run(request, () => examination.authorize(policy, nameRoute));
      await this.accept(activation, request, verdict);
      this.refusals.logTolerated(examination, () => placeOf(context, request));
      this.writeNonce(context, verdict.nextNonce, verdict.hasTicket);
      void this.trial?.compare(activation, DpopGuard);
      return true;
    } catch (thrown) {
      if (isRefusalOfApp(thrown)) throw thrown;
      const error = toDpopError(thrown);
      void this.trial?.compare(activation, DpopGuard, error);
      if (!isReportOnly(activation.policy))
        throw this.toTransportException(context, this.toException(activation, error));
      this.report(activation, error);
      return true;
    }
  }

  /** The policy of the route; `undefined` leaves it open. */
  protected getPolicy(context: ExecutionContext): DpopPolicy | undefined {
    return this.policies.of(context.getHandler(), context.getClass());
  }

  /**
   * The platform's request. For a transport of your own, return an object that stands for the request, is the same for
   * each guard that sees it, and is among the arguments of the handler.
   *
   * @throws DpopUnavailableError for an unknown transport
   */
  override getRequest(context: ExecutionContext): object {
    const transport = transportOf(context);
    if (transport === undefined) throw unknownTransport();
    return transport.request;
  }

  /** The platform's response, for headers; an empty object where there is none. */
  getResponse(context: ExecutionContext): object {
    return transportOf(context)?.response ?? {};
  }

  /**
   * What is verified: method, target and raw headers of the request. Only requests of Node's own HTTP servers, and what
   * Express and Fastify make of them, are requests; override it for anything else.
   *
   * @param request what `getRequest` returned
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
  protected refuse(activation: DpopActivation, error: DpopError | DpopUnavailableError): DpopHttpException {
    const { context, policy, examination } = activation;
    this.log(activation, error);
    const headers = this.refusals.headersOf(error, policy, examination);
    // A GraphQL response has one status for all its resolvers, often 200.
    const status = context.getType<string>() === 'http' ? error.status : undefined;
    const takeBack = writeHeaders(this.getResponse(context), this.adapterHost.httpAdapter, headers, status);
    return new DpopHttpException(error, takeBack, toRecord(headers));
  }

  /** What is thrown: for HTTP and GraphQL the exception itself, for other transports one that reaches their clients. */
  protected toTransportException(context: ExecutionContext, exception: DpopHttpException): Error {
    return toTransportException(context, exception);
  }

  private async accept(
    { context, policy }: DpopActivation,
    request: { user?: unknown },
    verdict: DpopVerdict,
  ): Promise<void> {
    // A route that only reports behaves as it did without the guard.
    if (isReportOnly(policy)) return leaveVerdict(request, verdict);
    request.user = await awaitAppUser(this.constructor.name, () =>
      this.handleRequest<unknown>(undefined, verdict, undefined, context),
    );
    leaveVerdict(request, verdict);
    if (policy.endAtExpiry === true) endAtExpiry(this.sessions, verdict, context, this.getResponse(context));
  }

  /** Tells what would have been refused, and lets the request through. */
  private report(activation: DpopActivation, error: DpopFailure): void {
    const { context, examination } = activation;
    try {
      const request = (activation.request ??= transportOf(context)?.request);
      publishRejection(activation, error);
      this.refusals.logReported(error, placeOf(context, request), examination);
      if (request === undefined) return;
      leaveVerdict(request, createUnenforcedVerdict(error));
      const nonce = error instanceof DpopError ? error.details.nonce : undefined;
      this.writeNonce(context, nonce, examination?.decisions.hasTicket);
    } catch (cause) {
      this.log(activation, new DpopUnavailableError('internal_failure', { cause }), PASSED);
    }
  }

  /** On a response of any status (§8.2). A response to a ticket must not be kept, either. */
  private writeNonce(context: ExecutionContext, nonce: string | undefined, hasTicket = false): void {
    if (nonce === undefined && !hasTicket) return;
    const headers = dpopResponseHeaders({ nonce, hasTicket });
    writeHeaders(this.getResponse(context), this.adapterHost.httpAdapter, headers, undefined);
  }

  private toException(activation: DpopActivation, error: DpopFailure): DpopHttpException {
    try {
      activation.request ??= transportOf(activation.context)?.request;
      publishRejection(activation, error);
      return this.refuse(activation, error);
    } catch (cause) {
      // An override of the app failed while it described a refusal.
      const failure = new DpopUnavailableError('internal_failure', { cause });
      this.log(activation, failure);
      return toFailureException(failure, responseOf(activation.request));
    }
  }

  private log(activation: DpopActivation, error: DpopFailure, outcome?: FailureOutcome): void {
    const { context, request, examination } = activation;
    this.refusals.log(error, placeOf(context, request), examination, outcome);
  }
}
