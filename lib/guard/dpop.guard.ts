import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer, Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopError, DpopUnavailableError, toDpopError } from '../errors/dpop.error.js';
import { formatChallenges } from '../http/challenge.js';
import { attemptedScheme } from '../http/credentials.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { dpopResponseHeaders } from '../http/response-headers.js';
import { RequestDecisions } from '../telemetry/decisions.js';
import type { FailureOutcome } from '../telemetry/explanations.js';
import { OperatorLog, type WriteLine } from '../telemetry/operator-log.js';
import { describeReceived } from '../telemetry/received-values.js';
import { toDpopRequest } from '../transport/http-dpop-request.js';
import { placeOf, routeNameOf } from '../transport/route-name.js';
import { transportOf } from '../transport/transport.js';
import { writeHeaders } from '../transport/write-headers.js';
import { DpopVerifier } from '../verification/dpop.verifier.js';
import type { DpopPolicy } from '../verification/policy.js';
import { recordOf } from '../verification/request-record.js';
import type { DpopVerdict } from '../verification/verdict.js';
import { DpopHttpException } from './dpop-http.exception.js';
import { DpopStrategy } from './dpop.strategy.js';
import { HostRoutes } from './host-routes.js';
import { routePolicyOf } from './route-policy.js';

/**
 * Lets a request through only with a DPoP-bound access token and a fresh proof of the bound key. May be bound to
 * handlers, to controllers, globally, and to all three at once. Works for HTTP and GraphQL; for another transport,
 * override `getRequest` and `getDpopRequest`. What it does not know it refuses.
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
  private readonly writeLine: WriteLine = (level, text) => this.logger[level](text);
  private readonly hostRoutes: HostRoutes;
  private readonly policies = new WeakMap<object, Map<unknown, DpopPolicy | undefined>>();

  constructor(
    @Inject(DpopVerifier) protected readonly verifier: DpopVerifier,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
    @Inject(Reflector) protected readonly reflector: Reflector,
    @Inject(HttpAdapterHost) protected readonly adapterHost: HttpAdapterHost,
    @Inject(DpopStrategy) private readonly strategy: DpopStrategy,
    @Inject(ModulesContainer) modules: ModulesContainer,
  ) {
    super();
    this.hostRoutes = new HostRoutes(modules);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const reached: { policy?: DpopPolicy; asked?: true; verdict?: DpopVerdict } = {};
    try {
      const policy = this.getPolicy(context);
      if (policy === undefined) return true;
      reached.policy = policy;
      const request: { user?: unknown } = this.getRequest(context);
      const record = recordOf(request);
      const examination = this.verifier.examineOnce(request, () => this.getDpopRequest(context));
      await this.strategy.run(request, async () => {
        reached.asked = true;
        return (reached.verdict = await examination.admit(policy, () => routeNameOf(context)));
      });
      const { verdict } = reached;
      // Whatever stands in for the strategy: without a verdict nobody passes.
      if (verdict === undefined) {
        throw new DpopUnavailableError('verdict_missing', {
          advice: 'the DpopStrategy of this app answered without having verified the request',
        });
      }
      // Awaited, as passport does: an override may be asynchronous, and refuse.
      request.user = await this.handleRequest<unknown>(undefined, verdict, undefined, context);
      record.verdict = verdict;
      if (examination.passedOver !== undefined)
        this.tellFailure(context, examination.passedOver, 'accepted without a replay check');
      if (verdict.nextNonce !== undefined) {
        const headers = dpopResponseHeaders({ nonce: verdict.nextNonce });
        writeHeaders(context, this.adapterHost.httpAdapter, headers, undefined);
      }
      return true;
    } catch (thrown) {
      if (isRefusalOfApp(thrown)) throw thrown;
      const error = toDpopError(thrown);
      if (reached.asked === undefined) publishUnasked(context, error);
      throw this.refuse(context, reached.policy ?? this.config.policy, error);
    }
  }

  /** The policy of the route; `undefined` leaves it open. */
  protected getPolicy(context: ExecutionContext): DpopPolicy | undefined {
    const handler = context.getHandler();
    const controller = context.getClass();
    let ofHandler = this.policies.get(handler);
    if (ofHandler === undefined) this.policies.set(handler, (ofHandler = new Map()));
    if (!ofHandler.has(controller)) {
      ofHandler.set(controller, routePolicyOf(handler, controller, this.config.policy, DpopGuard));
    }
    return ofHandler.get(controller);
  }

  /**
   * The platform's request. For a transport of your own, return an object that stands for the request, is the same for
   * each guard that sees it, and is among the arguments of the handler.
   *
   * @throws DpopUnavailableError for a transport that is not known
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
   * Express and Fastify make of them, are taken for requests; override it for anything else.
   *
   * @throws DpopUnavailableError when the request does not tell them
   */
  protected getDpopRequest(context: ExecutionContext): DpopRequest {
    const request = this.getRequest(context);
    const servesHost = this.hostRoutes.rule(context.getClass(), () =>
      this.adapterHost.httpAdapter.getRequestHostname(request),
    );
    const dpopRequest = toDpopRequest(request, servesHost);
    if (dpopRequest === undefined) throw unknownTransport();
    return dpopRequest;
  }

  /** Tells the operator of a refusal, holds its headers for the response, and makes the exception. */
  protected refuse(
    context: ExecutionContext,
    policy: DpopPolicy,
    error: DpopError | DpopUnavailableError,
  ): DpopHttpException {
    this.tellOperator(context, error);
    const headers =
      error instanceof DpopUnavailableError
        ? dpopResponseHeaders({ retryAfterSeconds: error.retryAfterSeconds })
        : dpopResponseHeaders({
            challenge: this.formatChallenge(context, policy, error),
            nonce: error.details.nonce,
          });
    // A GraphQL response has one status for all its resolvers, often 200.
    const status = context.getType<string>() === 'http' ? error.status : undefined;
    const takeBack = writeHeaders(context, this.adapterHost.httpAdapter, headers, status);
    return new DpopHttpException(error, takeBack);
  }

  private tellOperator(context: ExecutionContext, error: DpopError | DpopUnavailableError): void {
    if (error instanceof DpopUnavailableError) {
      this.tellFailure(context, error);
      return;
    }
    const received = (): string => describeReceived(this.getDpopRequest(context));
    const { logReceivedValues } = this.config;
    const log = OperatorLog.of(this.config);
    log.refused(this.writeLine, error, placeOf(context), logReceivedValues ? received : undefined);
  }

  private tellFailure(
    context: ExecutionContext,
    error: DpopUnavailableError,
    outcome?: FailureOutcome,
  ): void {
    OperatorLog.of(this.config).failed(this.writeLine, error, placeOf(context), outcome);
  }

  private formatChallenge(context: ExecutionContext, policy: DpopPolicy, error: DpopError): string {
    const bearerOffered = policy.bearer === 'allow-unbound';
    // Which scheme was used matters where there are two.
    const used = bearerOffered ? attemptedScheme(this.getDpopRequest(context).rawHeaders) : undefined;
    return formatChallenges(error, used, bearerOffered, this.config.challenge);
  }
}

/** What an override, of `handleRequest` for example, says to the client; a failure of its own is answered as ours are. */
function isRefusalOfApp(thrown: unknown): boolean {
  return thrown instanceof HttpException && thrown.getStatus() >= 400 && thrown.getStatus() < 500;
}

/** The examination publishes its own decisions; this one was reached without it. */
function publishUnasked(context: ExecutionContext, error: DpopError | DpopUnavailableError): void {
  new RequestDecisions(placeOf(context).method).rejected(error, undefined, () => routeNameOf(context));
}

function unknownTransport(): DpopUnavailableError {
  return new DpopUnavailableError('transport_unknown', {
    advice:
      'DpopGuard takes only HTTP requests of Node, Express and Fastify, also from the context of a GraphQL resolver; a GraphQL subscription needs the request that opened its socket there, as context: ({ extra }) => ({ req: extra.request }) gives it; for anything else override getRequest and getDpopRequest',
  });
}
