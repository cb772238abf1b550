import {
  type CanActivate,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  Logger,
} from '@nestjs/common';
import { HttpAdapterHost, Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { routePolicyOf } from './decorators/route-policy.js';
import type { DpopConfig } from './dpop.config.js';
import type { DpopPolicy } from './dpop.policy.js';
import { DpopStrategy } from './dpop.strategy.js';
import { DPOP_CONFIG } from './dpop.tokens.js';
import type { DpopVerdict } from './dpop.verdict.js';
import { DpopVerifier } from './dpop.verifier.js';
import { formatChallenges } from './errors/challenge.js';
import { DpopError, DpopUnavailableError, toDpopError } from './errors/dpop.error.js';
import { attemptedScheme } from './http/credentials.js';
import { DpopHttpException } from './http/dpop-http.exception.js';
import type { DpopRequest } from './http/dpop-request.js';
import { toDpopRequest } from './http/http-dpop-request.js';
import { dpopResponseHeaders, mergeFieldNames, type ResponseHeader } from './http/response-headers.js';
import { transportOf } from './http/transport.js';
import { recordOf } from './request-record.js';

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
  private readonly policies = new WeakMap<object, Map<unknown, DpopPolicy | undefined>>();

  constructor(
    @Inject(DpopVerifier) protected readonly verifier: DpopVerifier,
    @Inject(DPOP_CONFIG) private readonly config: DpopConfig,
    @Inject(Reflector) protected readonly reflector: Reflector,
    @Inject(HttpAdapterHost) protected readonly adapterHost: HttpAdapterHost,
    @Inject(DpopStrategy) private readonly strategy: DpopStrategy,
  ) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const policy = this.getPolicy(context);
    if (policy === undefined) return true;
    try {
      const request: { user?: unknown } = this.getRequest(context);
      const record = recordOf(request);
      const examination = this.verifier.examineOnce(request, () => this.getDpopRequest(context));
      const reached: { verdict?: DpopVerdict } = {};
      await this.strategy.run(request, () =>
        examination.admit(policy).then((verdict) => (reached.verdict = verdict)),
      );
      const { verdict } = reached;
      // Whatever stands in for the strategy: without a verdict nobody passes.
      if (verdict === undefined) throw new DpopUnavailableError('verdict_missing');
      // Awaited, as passport does: an override may be asynchronous, and refuse.
      request.user = await this.handleRequest<unknown>(undefined, verdict, undefined, context);
      record.verdict = verdict;
      if (verdict.nextNonce !== undefined) {
        this.writeHeaders(context, dpopResponseHeaders({ nonce: verdict.nextNonce }));
      }
      return true;
    } catch (thrown) {
      if (isRefusalOfApp(thrown)) throw thrown;
      throw this.refuse(context, policy, toDpopError(thrown));
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
   * What is verified: method, target and raw headers of the request.
   *
   * @throws DpopUnavailableError when the request does not tell them
   */
  protected getDpopRequest(context: ExecutionContext): DpopRequest {
    const request = toDpopRequest(this.getRequest(context));
    if (request === undefined) throw unknownTransport();
    return request;
  }

  /** Writes the headers of a refusal, tells the operator, and makes the exception. */
  protected refuse(
    context: ExecutionContext,
    policy: DpopPolicy,
    error: DpopError | DpopUnavailableError,
  ): DpopHttpException {
    if (error instanceof DpopUnavailableError) {
      this.logger.error(describeFailure(error));
      this.writeHeaders(context, dpopResponseHeaders({ retryAfterSeconds: error.retryAfterSeconds }));
    } else {
      this.logger.debug(`refused: ${error.code} (${error.reason})`);
      const challenge = this.formatChallenge(context, policy, error);
      this.writeHeaders(context, dpopResponseHeaders({ challenge, nonce: error.details.nonce }));
    }
    return new DpopHttpException(error);
  }

  private formatChallenge(context: ExecutionContext, policy: DpopPolicy, error: DpopError): string {
    const bearerOffered = policy.bearer === 'allow-unbound';
    // Which scheme was used matters where there are two.
    const used = bearerOffered ? attemptedScheme(this.getDpopRequest(context).rawHeaders) : undefined;
    return formatChallenges(error, used, bearerOffered, this.config.challenge);
  }

  /** Through Nest's adapter: its exceptions carry no headers, and Express and Fastify set them differently. */
  private writeHeaders(context: ExecutionContext, headers: readonly ResponseHeader[]): void {
    const adapter = this.adapterHost.httpAdapter;
    const response = transportOf(context)?.response;
    if (response === undefined || adapter.isHeadersSent(response)) return;
    for (const { name, value, merge } of headers) {
      const written = merge ? mergeFieldNames(adapter.getHeader?.(response, name), value) : value;
      adapter.setHeader?.(response, name, written);
    }
  }
}

/** What an override, of `handleRequest` for example, says to the client; a failure of its own is answered as ours are. */
function isRefusalOfApp(thrown: unknown): boolean {
  return thrown instanceof HttpException && thrown.getStatus() >= 400 && thrown.getStatus() < 500;
}

function unknownTransport(): DpopUnavailableError {
  return new DpopUnavailableError('transport_unknown', {
    advice:
      'DpopGuard knows HTTP and GraphQL requests; for another transport override getRequest and getDpopRequest',
  });
}

/** Names, codes and places, never the message of a foreign error: it may quote what a client sent. */
function describeFailure({ reason, advice, cause }: DpopUnavailableError): string {
  const causes: string[] = [];
  for (let error = cause; error instanceof Error && causes.length < 4; error = error.cause) {
    const code = 'code' in error ? String(error.code) : undefined;
    causes.push([error.name, code, placeOf(error)].filter(Boolean).join(' '));
  }
  return [`answered 503: ${reason}`, advice, ...causes].filter(Boolean).join('; ');
}

/** The first frame of the stack. Above it stands the message, whose lines may look like frames. */
function placeOf({ message, stack = '' }: Error): string | undefined {
  const start = stack.indexOf(message);
  if (start === -1) return undefined;
  const lines = stack.slice(start + message.length).split('\n');
  return lines.find((line) => line.startsWith('    at '))?.trim();
}
