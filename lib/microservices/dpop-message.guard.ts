import { type ExecutionContext, Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import type { DpopConfig } from '../config/dpop-config.js';
import { DPOP_CONFIG } from '../config/injection-tokens.js';
import { DpopError, DpopUnavailableError } from '../errors/dpop.error.js';
import { DpopHttpException } from '../guard/dpop-http.exception.js';
import { DpopGuard } from '../guard/dpop.guard.js';
import { getDpopVerdict } from '../guard/get-dpop-verdict.js';
import type { DpopRequest } from '../http/dpop-request.js';
import { transportOf } from '../transport/transport.js';
import { isReportOnly } from '../verification/policy.js';
import { endStream, type GrpcCall, grpcCallOf, grpcCredentialsOf, isStream, ownCallOf } from './grpc-call.js';
import { parseMessageBaseUrl } from './message-base-url.js';
import { credentialsOf } from './message-credentials.js';
import { patternOf, targetOf } from './message-target.js';
import { toGrpcStatus, toMessageRefusal, UNKNOWN } from './rpc-refusal.js';

/**
 * Lets a message of a microservice through only with a DPoP-bound access token and a fresh proof of the bound key. RFC 9449
 * knows HTTP alone; for messages, a proof has `htm` `POST`, and `htu` is the base URL of the guard with the pattern of the
 * message behind it. HTTP requests are verified as `DpopGuard` does.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class OrdersGuard extends DpopMessageGuard {
 *   protected readonly baseUrl = 'https://orders.example.com';
 * }
 * ```
 * @throws RpcException with the code of the refusal; for gRPC with a status, and challenge and nonce in its metadata
 */
@Injectable()
export abstract class DpopMessageGuard extends DpopGuard implements OnModuleInit {
  /**
   * What clients sign in `htu` before the pattern, such as `https://orders.example.com`. It must not be, nor begin with, nor be
   * the beginning of, a value of the option `origin` in an app that has HTTP, too.
   */
  protected abstract readonly baseUrl: string;

  @Inject(DPOP_CONFIG) private readonly settings: DpopConfig | undefined;
  private parsedBaseUrl: string | undefined;

  /** @throws TypeError for a base URL that clients cannot sign, or that HTTP routes of the app may have */
  onModuleInit(): void {
    this.messageBaseUrl();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    let isActivated: boolean;
    try {
      isActivated = await super.canActivate(context);
    } catch (thrown) {
      return refuseOwnCall(context, thrown);
    }
    const call = isMessage(context) ? grpcCallOf(context.getArgs()) : undefined;
    if (call !== undefined && isStream(call)) this.endAtExpiry(context, call);
    return isActivated;
  }

  /** The context of the message, which Nest makes anew for each, or the call of gRPC. */
  override getRequest(context: ExecutionContext): object {
    if (!isMessage(context)) return super.getRequest(context);
    const request: unknown = grpcCallOf(context.getArgs()) ?? context.getArgByIndex(1);
    if (typeof request !== 'object' || request === null) throw unknownContext();
    return request;
  }

  protected override getDpopRequest(context: ExecutionContext, request: object): DpopRequest {
    if (!isMessage(context)) return super.getDpopRequest(context, request);
    const message = { method: 'POST', baseUrl: this.startedBaseUrl() };
    const call = grpcCallOf([request]);
    if (call !== undefined)
      return { ...message, target: call.getPath(), rawHeaders: grpcCredentialsOf(call) };
    const pattern = patternOf(request);
    const rawHeaders = credentialsOf(request, context.getArgByIndex(0));
    if (pattern === undefined || rawHeaders === undefined) throw unknownContext();
    return { ...message, target: targetOf(pattern), rawHeaders };
  }

  protected override toTransportException(context: ExecutionContext, exception: DpopHttpException): Error {
    if (!isMessage(context)) return super.toTransportException(context, exception);
    const call = grpcCallOf(context.getArgs());
    return new RpcException(call === undefined ? toMessageRefusal(exception) : toGrpcStatus(exception, call));
  }

  private endAtExpiry(context: ExecutionContext, call: GrpcCall): void {
    const [verdict, policy] = [getDpopVerdict(context), this.getPolicy(context)];
    // A handler that only reports behaves as it did without the guard.
    if (verdict === undefined || policy === undefined || isReportOnly(policy)) return;
    const stop = this.sessions.watch(verdict, (reason) => {
      const error =
        reason === 'revocation_unavailable'
          ? new DpopUnavailableError('revocation_unavailable')
          : new DpopError(reason);
      endStream(call, toGrpcStatus(new DpopHttpException(error), call));
    });
    for (const event of ['close', 'cancelled', 'finish']) call.once(event, stop);
  }

  /** Nest calls no hook of the start for an app that receives messages before `init`. The sentence then goes to the log. */
  private startedBaseUrl(): string {
    try {
      return this.messageBaseUrl();
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new DpopUnavailableError('internal_failure', { cause, advice: cause.message });
    }
  }

  private messageBaseUrl(): string {
    if (this.settings === undefined)
      throw new TypeError(
        `${this.constructor.name} must be created by Nest, which gives it the configuration`,
      );
    const { origins, allowInsecureHttp } = this.settings;
    const hasHttpServer = Boolean(this.adapterHost.httpAdapter as unknown);
    return (this.parsedBaseUrl ??= parseMessageBaseUrl(this.baseUrl, this.constructor.name, {
      origins,
      allowInsecureHttp,
      hasHttpServer,
    }));
  }
}

/** HTTP requests and calls of MCP servers are none. */
function isMessage(context: ExecutionContext): boolean {
  return context.getType<string>() === 'rpc' && transportOf(context) === undefined;
}

/** Ends the call, and settles nothing: neither the handler nor the rejection that Nest would not handle comes about. */
function refuseOwnCall(context: ExecutionContext, thrown: unknown): Promise<never> {
  const own = isMessage(context) ? ownCallOf(context.getArgs()) : undefined;
  if (own === undefined) throw thrown;
  const status = thrown instanceof RpcException ? thrown.getError() : UNKNOWN;
  if (own.answer !== undefined) own.answer(Object(status) as object);
  else endStream(own.call, Object(status) as object);
  return new Promise(() => undefined);
}

function unknownContext(): DpopUnavailableError {
  return new DpopUnavailableError('transport_unknown', {
    advice:
      'DpopMessageGuard takes the messages of the transports of Nest: gRPC, TCP, Redis, NATS, Kafka, MQTT and RabbitMQ; for a transport of your own, override getRequest and getDpopRequest',
  });
}
