import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { DpopUnavailableError } from '../errors/dpop.error.js';
import { SecurityEventError } from './security-event.error.js';

/** Further headers of a refusal. */
const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  405: { Allow: 'POST' },
  // What is left of a body that is too large is not read.
  413: { Connection: 'close' },
};

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
    const headers = { 'Content-Language': 'en', ...HEADERS[status] };
    this.#write(response, status, headers, { err: code, description: message });
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

/** A filter of the controller runs instead of those of the app. It sees what the guard throws. */
@Injectable()
@Catch(SecurityEventError)
export class SecurityEventFilter implements ExceptionFilter<SecurityEventError> {
  constructor(@Inject(SecurityEventAnswers) private readonly answers: SecurityEventAnswers) {}

  catch(error: SecurityEventError, host: ArgumentsHost): void {
    this.answers.failed(host.switchToHttp().getResponse(), error);
  }
}
