import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Inject,
  Injectable,
  Post,
  Req,
  Res,
  type Type,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { timingSafeEqual } from 'node:crypto';
import type { DpopUnavailableError } from '../errors/dpop.error.js';
import { SkipDpop } from '../guard/policy.decorators.js';
import { digestOf, RECEIVER_CONFIG, type ReceiverConfig } from './receiver-config.js';
import { readBody } from './request-body.js';
import { SecurityEventError } from './security-event.error.js';
import { SecurityEventReceiver } from './security-event.receiver.js';

/** Writes the answers of RFC 8935 through the adapter, so that no filter or interceptor of the app changes them. */
@Injectable()
export class SecurityEventAnswers {
  constructor(@Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost) {}

  /** §2.2: 202 with an empty body. */
  accepted(response: unknown): void {
    this.#write(response, 202, {}, undefined);
  }

  /** §2.3: the code and the sentence; or 503, after which the transmitter sends the token again. */
  failed(response: unknown, error: SecurityEventError | DpopUnavailableError): void {
    if (!(error instanceof SecurityEventError)) {
      return this.#write(response, 503, { 'Retry-After': `${error.retryAfterSeconds}` }, undefined);
    }
    const { status, code, message } = error;
    // What is left of a body that is too large is not read.
    const closing = status === 413 ? { Connection: 'close' } : {};
    this.#write(
      response,
      status,
      { 'Content-Language': 'en', ...closing },
      { err: code, description: message },
    );
  }

  #write(
    response: unknown,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: object | undefined,
  ): void {
    const { httpAdapter } = this.adapterHost;
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}

/** Refuses a request whose `Authorization` is not one of the configured values, if there are any. */
@Injectable()
export class TransmitterGuard implements CanActivate {
  constructor(
    @Inject(RECEIVER_CONFIG) private readonly config: ReceiverConfig,
    @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const { authorizations } = this.config;
    if (authorizations.length === 0) return true;
    const { headers } = context
      .switchToHttp()
      .getRequest<{ headers: Readonly<Record<string, string | undefined>> }>();
    const given = digestOf(headers['authorization'] ?? '');
    // All are compared, so that the time does not tell which one is close.
    const isExpected = authorizations.map((expected) => timingSafeEqual(given, expected)).includes(true);
    if (!isExpected) throw this.receiver.refuse(new SecurityEventError('authorization'));
    return true;
  }
}

/** A filter of the controller runs instead of those of the app. It sees what the guard throws. */
@Injectable()
@Catch(SecurityEventError)
export class SecurityEventFilter implements ExceptionFilter<SecurityEventError> {
  constructor(@Inject(SecurityEventAnswers) private readonly answers: SecurityEventAnswers) {}

  catch(error: SecurityEventError, host: ArgumentsHost): void {
    this.answers.failed(host.switchToHttp().getResponse(), error);
  }
}

/**
 * The controller that transmitters send to. Each registration has a class of its own, since the path is part of the class.
 *
 * @see RFC 8935 §2
 */
export function createSecurityEventsController(path: string): Type {
  @SkipDpop()
  @UseGuards(TransmitterGuard)
  @UseFilters(SecurityEventFilter)
  @Controller({ path, version: VERSION_NEUTRAL })
  class SecurityEventsController {
    constructor(
      @Inject(SecurityEventReceiver) private readonly receiver: SecurityEventReceiver,
      @Inject(SecurityEventAnswers) private readonly answers: SecurityEventAnswers,
    ) {}

    @Post()
    async receive(@Req() request: object, @Res() response: unknown): Promise<void> {
      try {
        await this.receiver.receive(() => readBody(request));
      } catch (error) {
        return this.answers.failed(response, error as SecurityEventError | DpopUnavailableError);
      }
      this.answers.accepted(response);
    }
  }
  return SecurityEventsController;
}
